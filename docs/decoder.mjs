// @ts-check
// Token passing in JavaScript: the answers of the frame network to words, as src/sutja/strings/decoder.py does it.
// The settings are the metadata `decoder` of what `sutja export --strings` writes. Times are numbers of answers, of 20 ms.

const NEVER = Math.fround(-1e30);
const NOTHING = -1; // no word before this one
const NOWHERE = -1;
const OTHER_STATES = 3; // of other speech
const OUTPUT_SECONDS = 0.02;

/**
 * @typedef {{ name: string, label: string, n_states: number, n_times: number, mean: number, deviation: number }} Unit
 * @typedef {{ units: Unit[], decoder: { word: number, pause: number, other: number, duration_weight: number, beam: number,
 *   wait_seconds: number } }} Settings
 * @typedef {{ unit: number, start: number, end: number }} Heard
 * @typedef {{ following: number[][], finals: boolean[] }} Grammar
 * @typedef {{ before: number, word: Heard }} Record
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

  /** The words that remain when nothing follows any more; what is fed next is another string. @returns {Heard[]} */
  finish() {
    let best = NEVER, record = NOTHING;
    if (this.now > 0) {
      const { atNode, records } = this.#nodeBests();
      const allowed = atNode.map((score, node) => (this.grammar.finals[node] ? score : NEVER));
      const chosen = argmax(Math.max(...allowed) > NEVER / 2 ? allowed : atNode);
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

/** The place of the first of the largest. @param {ArrayLike<number>} values */
function argmax(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}
