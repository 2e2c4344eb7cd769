// The zip and the CSV in it; that other programs read them is tested from Python, with a zip that this writes.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import test from "node:test";
import { csv, zip } from "../page/zip.js";

const decoded = (bytes) => new TextDecoder().decode(bytes);

test("CSV sets in quotes what must stand in quotes", () => {
  assert.equal(decoded(csv([["a", "b"], ["", "c"]])), "a,b\r\n,c\r\n");
  assert.equal(decoded(csv([['Kim, "J"', "two\nlines"]])), '"Kim, ""J""","two\nlines"\r\n');
  assert.equal(decoded(csv([["숫자"]])), "숫자\r\n");
});

test("a zip of nothing is an end alone", async () => {
  const bytes = new Uint8Array(await zip([]).arrayBuffer());
  assert.equal(bytes.length, 22);
  assert.deepEqual([...bytes.slice(0, 4)], [0x50, 0x4b, 5, 6]);
});

test("a zip for Python to read", async () => {
  const files = [
    { name: "clips/0001.wav", bytes: Uint8Array.from({ length: 70_000 }, (_, i) => (i * 31) % 251) },
    { name: "숫자/빈 것.txt", bytes: new Uint8Array() },
  ];
  const bytes = await zip(files, new Date(2024, 1, 29, 23, 59, 58)).arrayBuffer();
  writeFileSync(process.env.ZIP, new Uint8Array(bytes));
});
