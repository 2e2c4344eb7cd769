// @ts-check
// The answers of the frame network to strings of words in JavaScript: token passing, as src/sutja/strings/decoder.py does
// it, how sure each word is, as competition.py and talk.py say, and events, as transcriber.py gives them, for any string.
// The settings are the metadata `decoder` of what `sutja export --strings` writes. The second opinion is not in it.

const NEVER = Math.fround(-1e30);
const NOTHING = -1; // no word before this one
const NOWHERE = -1;
const OTHER_STATES = 3; // of other speech
const OUTPUT_SECONDS = 0.02;
const EDGE = 2; // answers around a word that are looked at as well
const STRING_PAUSE_SECONDS = 0.5, LONGEST_PAUSE_SECONDS = 3; // of silence end a string; where it cannot end yet
const FADE_SECONDS = 5, PRIOR_SECONDS = 1; // of what was said lately
const MOST_KEPT = 1_000; // answers
const N_BEST = 5, LEAST_ALTERNATIVE = 1e-4, LEAST_PROBABILITY = 1e-12;
const UNKNOWN = "?"; // in a text, a word that was refused

/**
 * @typedef {{ name: string, label: string, n_states: number, n_times: number, mean: number, deviation: number }} Unit
 * @typedef {{ scale: number, other: number, threshold: number, talk: number }} Confidence
 * @typedef {{ units: Unit[], decoder: { word: number, pause: number, other: number, duration_weight: number, beam: number,
 *   farthest: number, wait_seconds: number }, confidence: Confidence, edges: { lead_seconds: number,
 *   tail_seconds: number } }} Settings
 * @typedef {{ unit: number, start: number, end: number }} Heard
 * @typedef {{ following: number[][], finals: boolean[] }} Grammar
 * @typedef {{ before: number, word: Heard }} Record
 * @typedef {{ type: "word", start: number, end: number, label: string | null, rejected: boolean, probability: number,
 *   probabilities: { [label: string]: number } }} Word
 * @typedef {{ type: "string", start: number, end: number, text: string, labels: (string | null)[], probability: number,
 *   alternatives: { text: string, labels: string[], probability: number }[] }} Spoken
 * @typedef {{ type: "partial", time: number, labels: string[], text: string }} Partial
 */

/** Any string: at home every word can come; after "double" only a word that is doubled. @param {Unit[]} units */
export function anyString(units) {
  /** @type {Grammar} */
  const grammar = { following: [[]], finals: [true] };
  units.forEach(({ n_times: nTimes }) => {
    grammar.following[0].push(nTimes === 1 ? 0 : grammar.following.length);
    if (nTimes === 1) return;
    grammar.following.push(units.map((other) => (other.n_times === 1 ? 0 : NOWHERE)));
    grammar.finals.push(false);
  });
  return grammar;
}

/** Follows one stream. */
export class Decoder {
  /** @param {Settings} settings @param {Grammar} grammar */
  constructor(settings, grammar = anyString(settings.units)) {
    const { units } = settings;
    this.units = units;
    this.config = settings.decoder;
    this.grammar = grammar;
    /** @type {number[]} */
    this.firsts = [];
    /** @type {number[]} */
    this.lasts = [];
    let n = 0;
    for (const unit of units) {
      this.firsts.push(n);
      n += unit.n_states;
      this.lasts.push(n - 1);
    }
    this.pause = n; // the output of silence and its place; places of words are their outputs
    this.other = n + 1;
    this.otherEnd = n + OTHER_STATES;
    this.nPlaces = n + 1 + OTHER_STATES;
    this.entered = new Set([...this.firsts, this.pause, this.other]); // places that are not entered from the one before
    /** @type {{ node: number, unit: number, into: number }[]} */
    this.exits = [];
    grammar.following.forEach((row, node) => row.forEach((into, unit) => {
      if (into !== NOWHERE) this.exits.push({ node, unit, into });
    }));
    this.nNodes = grammar.finals.length;
    const size = this.nNodes * this.nPlaces;
    this.scores = new Float32Array(size).fill(NEVER);
    this.records = new Int32Array(size).fill(NOTHING);
    this.starts = new Int32Array(size);
    /** @type {Map<number, Record>} */
    this.history = new Map();
    this.nRecords = 0;
    this.committed = NOTHING;
    this.now = 0; // answers heard
  }

  /** Take the network's next answers: rows of log probabilities. @param {ArrayLike<number>[]} answers */
  feed(answers) {
    for (const answer of answers) {
      this.#advance(answer);
      this.now += 1;
    }
  }

  /** The words that are settled since the last call; they stand. @returns {Heard[]} */
  agreed() {
    const settled = this.#overdue(this.#common(this.#live()));
    if (settled.length === 0) return [];
    const words = settled.map((number) => this.#record(number).word);
    this.#keepOnly(settled[settled.length - 1]);
    return words;
  }

  /** The words of the best way that are not settled: they may still change. @returns {Heard[]} */
  openWords() {
    return this.#chain(this.records[this.#bestPlace()]).map((number) => this.#record(number).word);
  }

  /** Since when the best way is inside a word or other speech; null in silence. @returns {number | null} */
  unfinished() {
    const at = this.#bestPlace();
    return at % this.nPlaces === this.pause || this.now === 0 ? null : this.starts[at];
  }

  /** Whether a string may end on the best way. */
  mayEnd() {
    return this.grammar.finals[Math.floor(this.#bestPlace() / this.nPlaces)];
  }

  /** The words that remain when nothing follows any more; what is fed next is another string. @returns {Heard[]} */
  finish() {
    let best = NEVER, record = NOTHING;
    if (this.now > 0) {
      const { atNode, records } = this.#nodeBests();
      const allowed = atNode.map((score, node) => (this.grammar.finals[node] ? score : NEVER));
      const isLikely = Math.max(...allowed) > Math.max(...atNode) - this.config.farthest;
      const chosen = argmax(isLikely ? allowed : atNode);
      best = atNode[chosen];
      record = records[chosen];
    }
    const words = best > NEVER / 2 ? this.#chain(record).map((number) => this.#record(number).word) : [];
    this.begin();
    return words;
  }

  /** Forget all ways: what comes next is another string, at the times that follow. */
  begin() {
    this.scores.fill(NEVER);
    this.scores[this.pause] = 0;
    this.records.fill(NOTHING);
    this.starts.fill(this.now);
    this.history.clear();
    this.committed = NOTHING;
  }

  /** @param {ArrayLike<number>} answer */
  #advance(answer) {
    const { nPlaces, scores, records, starts, pause, other, config } = this;
    const { atNode, records: lasts } = this.now === 0 ? this.#beginning() : this.#nodeBests();
    let best = NEVER;
    for (let node = 0; node < this.nNodes; node++) {
      const entering = new Map([
        [pause, Math.fround(atNode[node] + Math.fround(config.pause))],
        [other, Math.fround(atNode[node] + Math.fround(config.other))],
      ]);
      this.firsts.forEach((first, unit) => {
        const possible = this.grammar.following[node][unit] !== NOWHERE;
        entering.set(first, possible ? Math.fround(atNode[node] + Math.fround(config.word)) : NEVER);
      });
      for (let place = nPlaces - 1; place >= 0; place--) { // from right to left: each sees the one before as it was
        const at = node * nPlaces + place, enters = entering.get(place);
        if (enters !== undefined && enters > scores[at]) {
          scores[at] = enters;
          records[at] = lasts[node];
          starts[at] = this.now;
        } else if (enters === undefined && scores[at - 1] > scores[at]) {
          scores[at] = scores[at - 1];
          records[at] = records[at - 1];
          starts[at] = starts[at - 1];
        }
      }
      for (let place = 0; place < nPlaces; place++) {
        const at = node * nPlaces + place;
        scores[at] += answer[Math.min(place, other)]; // the states of other speech share an output
        best = Math.max(best, scores[at]);
      }
    }
    if (best < NEVER / 2) return;
    for (let at = 0; at < scores.length; at++) {
      scores[at] -= best;
      if (scores[at] < NEVER / 2) scores[at] = NEVER;
    }
  }

  #beginning() {
    const atNode = Array.from({ length: this.nNodes }, (_, node) => (node === 0 ? 0 : NEVER));
    return { atNode, records: atNode.map(() => NOTHING) };
  }

  /** The best way to each node, and its last word. */
  #nodeBests() {
    const atNode = [], records = [];
    const exits = this.exits.map((exit) => this.#exitScore(exit));
    for (let node = 0; node < this.nNodes; node++) {
      const pause = node * this.nPlaces + this.pause, other = node * this.nPlaces + this.otherEnd;
      const from = this.scores[pause] >= this.scores[other] ? pause : other;
      let score = this.scores[from], record = this.records[from], best = -1;
      this.exits.forEach(({ into }, number) => {
        if (into === node && (best < 0 || exits[number] > exits[best])) best = number;
      });
      if (best >= 0 && exits[best] > score && exits[best] > NEVER / 2) {
        score = exits[best];
        record = this.#recorded(this.exits[best]);
      }
      atNode.push(score);
      records.push(record);
    }
    return { atNode, records };
  }

  /** The score of a word that could end now. @param {{ node: number, unit: number }} exit */
  #exitScore({ node, unit }) {
    const last = node * this.nPlaces + this.lasts[unit], weight = this.config.duration_weight;
    if (!weight) return this.scores[last];
    const n = Math.max(1, this.now - this.starts[last]), { mean, deviation } = this.units[unit];
    const away = Math.fround((Math.log(n) - Math.fround(mean)) / Math.fround(deviation));
    return Math.fround(this.scores[last] - Math.fround(Math.fround(weight * 0.5) * Math.fround(away * away)));
  }

  /** @param {{ node: number, unit: number }} exit */
  #recorded({ node, unit }) {
    const last = node * this.nPlaces + this.lasts[unit];
    const word = { unit, start: this.starts[last], end: this.now };
    this.history.set(this.nRecords, { before: this.records[last], word });
    return this.nRecords++;
  }

  // -- what is settled --------------------------------------------------------------------------------------------------

  /** @param {number} number */
  #record(number) {
    return /** @type {Record} */ (this.history.get(number));
  }

  #bestPlace() {
    return argmax(this.scores);
  }

  /** The last words of the ways that are worth something, the best way's first. */
  #live() {
    const found = new Set([this.records[this.#bestPlace()]]);
    this.scores.forEach((score, at) => {
      if (score > -this.config.beam) found.add(this.records[at]);
    });
    return [...found];
  }

  /** The words that led to one and are not settled, the oldest first. @param {number} number */
  #chain(number) {
    const chain = [];
    for (; number !== this.committed && number !== NOTHING; number = this.#record(number).before) chain.unshift(number);
    return chain;
  }

  /** @param {number[]} live */
  #common([first, ...others]) {
    let common = this.#chain(first);
    for (const number of others) {
      const other = new Set(this.#chain(number));
      common = common.filter((each) => other.has(each));
    }
    return common;
  }

  /** What is to be settled now that waited too long, beside what all ways agree on. @param {number[]} settled */
  #overdue(settled) {
    const wait = this.config.wait_seconds / OUTPUT_SECONDS;
    const chain = this.#chain(this.records[this.#bestPlace()]);
    const late = chain.filter((number) => this.now - this.#record(number).word.end >= wait);
    return late.length > settled.length ? late : settled;
  }

  /** Settle a word: ways that do not lead through it end here. @param {number} number */
  #keepOnly(number) {
    const through = new Map([...new Set(this.records)].map((record) => [record, this.#leadsThrough(record, number)]));
    this.records.forEach((record, at) => {
      if (through.get(record)) return;
      this.scores[at] = NEVER;
      this.records[at] = NOTHING;
    });
    this.committed = number;
    const kept = new Set([number]);
    for (const [record, leads] of through) if (leads) for (const each of this.#chain(record)) kept.add(each);
    for (const each of [...this.history.keys()]) if (!kept.has(each)) this.history.delete(each);
  }

  /** @param {number} record @param {number} number */
  #leadsThrough(record, number) {
    while (record !== number && record !== NOTHING && record !== this.committed) record = this.#record(record).before;
    return record === number;
  }
}

/** How much of what was said lately is none of the words. */
export class Talk {
  /** @param {Unit[]} units */
  constructor(units) {
    this.silence = units.reduce((n, unit) => n + unit.n_states, 0); // the output of silence; that of other speech follows
    this.talked = this.spoken = 0;
  }

  /** Take the network's next answers. @param {ArrayLike<number>[]} answers */
  feed(answers) {
    const fade = Math.exp(-OUTPUT_SECONDS / FADE_SECONDS);
    for (const answer of answers) {
      this.talked = this.talked * fade + Math.exp(answer[this.silence + 1]);
      this.spoken = this.spoken * fade + 1 - Math.exp(answer[this.silence]);
    }
  }

  /**
   * The share of other speech in the speech of the last seconds, 0 to 1, without a word itself: its answers, and how
   * many came after them.
   * @param {ArrayLike<number>[]} word @param {number} nAfter
   */
  share(word, nAfter) {
    const fade = Math.exp(-OUTPUT_SECONDS / FADE_SECONDS);
    const own = sum(word.map((answer, n) => Math.exp(answer[this.silence + 1]) * fade ** (nAfter + word.length - 1 - n)));
    return Math.max(this.talked - own, 0) / (this.spoken + PRIOR_SECONDS / OUTPUT_SECONDS);
  }
}

/** How sure a word is: its likelihood where it was heard, beside every other word and none. */
export class Competition {
  /** @param {Settings} settings */
  constructor({ units, confidence }) {
    this.confidence = confidence;
    /** @type {{ label: string, row: number[] }[]} */
    this.rows = [];
    let first = 0;
    for (const { label, n_states: n, n_times: nTimes } of units) {
      if (nTimes === 1) this.rows.push({ label, row: Array.from({ length: n }, (_, state) => first + state) });
      first += n;
    }
    this.silence = first;
    this.labels = [...new Set(this.rows.map(({ label }) => label))];
  }

  /**
   * The probability of each label over a stretch of answers, in the order of `labels`; the rest is that of no word.
   * @param {ArrayLike<number>[]} answers
   * @param {number} talk the share of other speech lately
   * @returns {number[]}
   */
  probabilities(answers, talk = 0) {
    const { scale, other, talk: weight } = this.confidence;
    const odds = this.rows.map(({ row }) => scale * this.#likelihood(answers, row));
    const none = [Array(OTHER_STATES).fill(this.silence + 1), []].map((row) => scale * this.#likelihood(answers, row) + other);
    const most = Math.max(...odds, ...none);
    const summed = this.labels.map((label) => sum(odds.map((each, n) => (this.rows[n].label === label ? Math.exp(each - most) : 0))));
    const whole = sum(summed) + sum(none.map((each) => Math.exp(each - most))) * Math.exp(weight * talk);
    return summed.map((share) => share / whole);
  }

  /**
   * The log of the sum over all ways from left to right, with silence around.
   * @param {ArrayLike<number>[]} answers
   * @param {number[]} row
   */
  #likelihood(answers, row) {
    const places = row.length ? [this.silence, ...row, this.silence] : [this.silence, this.silence];
    let alpha = places.map((place, n) => (n < 2 ? answers[0][place] : -Infinity));
    for (const answer of answers.slice(1)) {
      alpha = places.map((place, n) => logAdd(alpha[n], n ? alpha[n - 1] : -Infinity) + answer[place]);
    }
    const ends = logAdd(alpha[row.length], alpha[row.length + 1]);
    return ends === -Infinity ? -1e9 : ends;
  }
}

/** Strings of words while they are said: the network's answers to events, as the service of sutja gives them. */
export class SpokenStrings {
  /** @param {Settings} settings */
  constructor(settings) {
    this.settings = settings;
    this.decoder = new Decoder(settings);
    this.competition = new Competition(settings);
    this.talk = new Talk(settings.units);
    /** @type {ArrayLike<number>[]} */
    this.answers = [];
    this.firstAnswer = 0;
    /** @type {Word[]} */
    this.words = []; // of the string that is being said
    /** @type {{ n: number, start: number } | null} */
    this.times = null; // that the next word is meant
    this.said = "";
    this.lastEnd = 0;
    this.toldUntil = 0; // seconds
  }

  /**
   * Take what the network gives for a step, but for its first `delay` answers; return what has become known.
   * @param {ArrayLike<number>[]} answers
   */
  feed(answers) {
    this.answers.push(...answers);
    this.decoder.feed(answers);
    this.talk.feed(answers);
    /** @type {(Word | Spoken | Partial)[]} */
    const events = [...this.#settle(this.decoder.agreed())];
    if (this.#isOver()) events.push(...this.#ended());
    events.push(...this.#partial());
    this.#forget();
    return events;
  }

  /** Say that the stream has ended, after a few steps of silence; return what remained. @returns {(Word | Spoken)[]} */
  flush() {
    const isSilent = !this.words.length && !this.decoder.openWords().length && this.decoder.unfinished() === null;
    return isSilent ? [] : this.#ended();
  }

  #isOver() {
    const open = this.decoder.openWords();
    if (!this.words.length && !open.length && !this.times) return false;
    if (this.decoder.unfinished() !== null) return false;
    const silent = (this.decoder.now - (open.at(-1)?.end ?? this.lastEnd)) * OUTPUT_SECONDS;
    return silent >= (this.decoder.mayEnd() ? STRING_PAUSE_SECONDS : LONGEST_PAUSE_SECONDS);
  }

  /** @param {Heard[]} words @returns {Word[]} */
  #settle(words) {
    if (!words.length) return [];
    const ahead = this.decoder.openWords()[0]?.start ?? this.decoder.unfinished();
    return words.flatMap((word, n) => this.#settled(word, words[n + 1]?.start ?? ahead));
  }

  /** @param {Heard} heard @param {number | null} after @returns {Word[]} */
  #settled({ unit, start: from, end }, after) {
    const before = this.lastEnd, { label: own, n_times: nTimes } = this.settings.units[unit];
    this.lastEnd = end;
    if (nTimes > 1) {
      this.times = { n: nTimes, start: from };
      return [];
    }
    const { n, start } = this.times ?? { n: 1, start: from };
    this.times = null;
    const [first, last] = this.#edges(start, end, before, after);
    const { labels } = this.competition, shares = this.#shares(from, end, labels.indexOf(own));
    const likely = argmax(shares), probability = shares[likely];
    const label = probability >= this.settings.confidence.threshold ? labels[likely] : null;
    const probabilities = Object.fromEntries(labels.map((each, place) => [each, shares[place]]));
    const at = (/** @type {number} */ time) => Math.round(1e3 * (first + (time * (last - first)) / n)) / 1e3;
    const told = Array.from({ length: n }, (_, time) => /** @type {Word} */ (
      { type: "word", start: at(time), end: at(time + 1), label, rejected: label === null, probability, probabilities }
    ));
    this.words.push(...told);
    return told;
  }

  /**
   * When a word begins and ends, seconds.
   * @param {number} start @param {number} end @param {number} before @param {number | null} after
   */
  #edges(start, end, before, after) {
    const { lead_seconds: mostLead, tail_seconds: mostTail } = this.settings.edges;
    const ahead = after === null ? this.decoder.now - end : (after - end) / 2;
    const lead = Math.min(mostLead, Math.max((start - before) / 2, 0) * OUTPUT_SECONDS);
    const first = Math.max(start * OUTPUT_SECONDS - lead, this.toldUntil);
    this.toldUntil = end * OUTPUT_SECONDS + Math.min(mostTail, Math.max(ahead, 0) * OUTPUT_SECONDS);
    return [first, this.toldUntil];
  }

  /**
   * The probability of each label; none is above that of what was heard.
   * @param {number} start @param {number} end @param {number} own
   */
  #shares(start, end, own) {
    const first = Math.min(Math.max(start - EDGE - this.firstAnswer, 0), this.answers.length - 1);
    const last = Math.max(end + EDGE - this.firstAnswer, first + 1);
    const word = this.answers.slice(Math.max(start - this.firstAnswer, 0), Math.max(end - this.firstAnswer, 0));
    const shares = this.competition.probabilities(this.answers.slice(first, last), this.talk.share(word, this.decoder.now - end));
    shares[own] = Math.max(shares[own], LEAST_PROBABILITY);
    return shares.map((share, n) => (n === own ? share : Math.min(share, shares[own] * (1 - Number.EPSILON))));
  }

  /** @returns {(Word | Spoken)[]} */
  #ended() {
    const words = this.#settle(this.decoder.finish()), string = this.#string();
    return string ? [...words, string] : words;
  }

  /** @returns {Spoken | null} */
  #string() {
    const { words } = this;
    this.words = [];
    this.times = null;
    this.said = "";
    if (!words.length) return null;
    const labels = words.map(({ label }) => label), probability = words.reduce((all, word) => all * word.probability, 1);
    const { start } = words[0], { end } = words[words.length - 1];
    return { type: "string", start, end, text: joined(labels), labels, probability, alternatives: bestOf(words) };
  }

  /** @returns {Partial[]} */
  #partial() {
    const open = this.decoder.openWords().map(({ unit }) => this.settings.units[unit].label);
    const labels = [...this.words.map(mostProbable), ...open.filter(Boolean)], said = JSON.stringify(labels);
    const told = said !== this.said && open.length > 0;
    this.said = said;
    const time = Math.round(1e3 * this.decoder.now * OUTPUT_SECONDS) / 1e3;
    return told ? [{ type: "partial", time, labels, text: joined(labels) }] : [];
  }

  #forget() {
    const since = this.decoder.openWords()[0]?.start ?? this.decoder.unfinished() ?? this.decoder.now;
    const needed = Math.max(since - EDGE, this.decoder.now - MOST_KEPT);
    if (needed <= this.firstAnswer) return;
    this.answers.splice(0, needed - this.firstAnswer);
    this.firstAnswer = needed;
  }
}

/** The most probable strings of as many words. @param {Word[]} words */
function bestOf(words) {
  /** @type {{ labels: string[], probability: number }[]} */
  let best = [{ labels: [], probability: 1 }];
  for (const word of words) {
    const likely = Object.entries(word.probabilities).filter(([label, share]) => share > LEAST_ALTERNATIVE || label === mostProbable(word));
    best = best.flatMap(({ labels, probability }) => likely.map(([label, share]) => ({ labels: [...labels, label], probability: probability * share })))
      .sort((one, other) => other.probability - one.probability).slice(0, N_BEST);
  }
  return best.map(({ labels, probability }) => ({ text: joined(labels), labels, probability }));
}

/** The label, also that of a refused word. @param {Word} word */
function mostProbable({ probabilities }) {
  const labels = Object.keys(probabilities);
  return labels[argmax(labels.map((label) => probabilities[label]))];
}

/** Write labels: one after the other where each is one character. @param {(string | null)[]} labels */
function joined(labels) {
  const parts = labels.map((label) => label ?? UNKNOWN);
  return parts.join(parts.every((part) => [...part].length === 1) ? "" : " ");
}

/** @param {number} one @param {number} other */
function logAdd(one, other) {
  const most = Math.max(one, other);
  return most === -Infinity ? most : most + Math.log1p(Math.exp(Math.min(one, other) - most));
}

/** @param {number[]} values */
const sum = (values) => values.reduce((all, each) => all + each, 0);

/** The place of the first of the largest. @param {ArrayLike<number>} values */
function argmax(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}
