# Two commands are enough on a fresh machine: `make demo` and `make test`. Both install what they need into .venv.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Real recordings for tests and benchmarks, where this checkout has them beside it; users have no such folder.
SUTJA_DATA ?= $(realpath ../shared/data)
export SUTJA_DATA
# One thread a process: our processes are the parallelism.
export OMP_NUM_THREADS ?= 1

# What is installed beside the package: everything, or `tests` where no torch is to be had.
EXTRA ?= dev

.PHONY: install demo test coverage test-portable check model model-sources bench clean

install: $(VENV)/with-$(EXTRA)

$(VENV)/with-%: pyproject.toml
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[$*]'
	touch $@

# The main job on built-in data: synthetic voices, training, report, prediction of voices that the model never heard.
# At most three minutes of processor time, also without bfloat16 (docs/decisions/2026-11-26-demo-in-three-minutes.md).
demo: $(VENV)/with-train,synth
	rm -rf demo
	$(BIN)/sutja data synth demo/voices --voices 20 --takes 1 --seed 1
	$(BIN)/sutja data info demo/voices
	$(BIN)/sutja train demo/voices --out demo/run --protocol speakers --preset fast --folds 2 --epochs 20 --jobs 1
	$(BIN)/sutja data synth demo/unheard --voices 5 --takes 1 --seed 2
	$(BIN)/sutja predict demo/unheard/data/01 --model demo/run
	$(BIN)/sutja evaluate demo/unheard --model demo/run
	@echo "Open demo/run/report.html"

PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal -q

# What a browser runs, for the tests: where npm is.
tests/web/node_modules: tests/web/package-lock.json
	if command -v npm >/dev/null; then npm ci --silent --prefix tests/web && touch $@; fi

test: install tests/web/node_modules
	$(PYTEST) -rs $(TEST_OPTIONS)

# The same, and the share of lines and branches that it ran, which may not fall: what CI runs.
coverage: TEST_OPTIONS = --cov --cov-report=term:skip-covered
coverage: test

# The tests of numbers, as on processors that know fewer instructions: the sums come in another order there.
SETS := own avx2 baseline
test-portable: $(SETS:%=test-as-%)

test-as-%: install
	$(BIN)/python tools/instruction_sets.py $* $(PYTEST) -m numeric

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The model that ships, `digits-en`, and the body that own words are taught on: from the corpora whose licences allow it
# and synthetic voices. Cut off, it goes on where it was. The folds hold out a corpus at a time. Arabic digits are other
# words to it: read by their file names, they have labels of their own. Letters that are said as a digit, or that a cut
# makes sound like one, are left out. Needs the program `flite` and the extra `teacher`, of which nothing ships.
CORPORA := fsdd english_volunteers speech_commands an4_digits speechocean_digits
DIGITS := zero=0 one=1 two=2 three=3 four=4 five=5 six=6 seven=7 eight=8 nine=9
FLITE := build/flite
ESPEAK := build/espeak
MODEL_SOURCES = $(CORPORA:%=$(SUTJA_DATA)/%) $(DIGITS:%=--rename %) --extra $(SUTJA_DATA)/audiomnist_sample \
	--refuse yes --refuse no --refuse up --refuse down --negatives $(SUTJA_DATA)/arabic/clips \
	--negatives $(SUTJA_DATA)/words $(foreach letter,a b e h i r o,--drop letter_$(letter)) \
	--noise $(SUTJA_DATA)/noise/gsc_background --noise $(SUTJA_DATA)/noise/precise_bg --rooms $(SUTJA_DATA)/noise/rir \
	--negatives $(ESPEAK) --negatives $(FLITE)/words --extra $(FLITE)/digits --synthetic-voices 240 --language en
PRECISION := $(if $(shell grep -m1 -o -e avx512_bf16 -e amx_bf16 /proc/cpuinfo),bfloat16,float32)
model: $(VENV)/with-dev,teacher
	test -d $(FLITE) || $(BIN)/python tools/flite_voices.py $(FLITE)
	test -d $(ESPEAK) || $(BIN)/python tools/espeak_words.py $(ESPEAK)
	$(BIN)/sutja train $(MODEL_SOURCES) --protocol corpora --preset words --teacher --skip-unreadable \
		--precision $(PRECISION) --licence 'Apache-2.0; data: see docs/model_card.md' --out build/digits-en --resume \
		--strings --string-data $(SUTJA_DATA)/strings/an4 --string-data $(FLITE)/strings
	$(BIN)/python tools/tune_strings.py build/digits-en/model --data $(SUTJA_DATA)/strings/moshi \
		--data $(SUTJA_DATA)/strings/abel --quiet $(SUTJA_DATA)/words
	rm -rf src/sutja/models/digits-en
	mkdir -p src/sutja/models
	cp -r build/digits-en/model src/sutja/models/digits-en

# For bench/voices.py, which leaves something out of them.
model-sources:
	@echo $(MODEL_SOURCES)

bench: install
	$(BIN)/python bench/features.py
	$(BIN)/python bench/training.py --make-env
	$(BIN)/python bench/latency.py --make-env

clean:
	rm -rf demo build dist .pytest_cache .mypy_cache .ruff_cache
