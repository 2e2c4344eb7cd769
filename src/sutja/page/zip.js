// @ts-check
// A zip whose files are stored, not compressed, and the CSV in it.

const TABLE = new Uint32Array(256).map((_, i) => {
  for (let k = 0; k < 8; k++) i = i & 1 ? (i >>> 1) ^ 0xedb88320 : i >>> 1;
  return i;
});

/** @param {Uint8Array} bytes */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Little-endian fields: [bytes, value] pairs. @param {number[][]} pairs */
function fields(...pairs) {
  const bytes = new Uint8Array(pairs.reduce((n, [size]) => n + size, 0));
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const [size, value] of pairs) {
    if (size === 2) view.setUint16(offset, value, true);
    else view.setUint32(offset, value, true);
    offset += size;
  }
  return bytes;
}

const UTF8 = 0x0800; // names are UTF-8
const VERSION = 20;

/** Put files into one zip. @param {{ name: string, bytes: Uint8Array<ArrayBuffer> }[]} files */
export function zip(files, date = new Date()) {
  const time = (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1);
  const day = ((date.getFullYear() - 1980) << 9) | ((date.getMonth() + 1) << 5) | date.getDate();
  const parts = [], directory = [];
  let offset = 0;
  for (const { name, bytes } of files) {
    const path = new TextEncoder().encode(name);
    const common = [[2, VERSION], [2, UTF8], [2, 0], [2, time], [2, day],
      [4, crc32(bytes)], [4, bytes.length], [4, bytes.length], [2, path.length], [2, 0]];
    const head = fields([4, 0x04034b50], ...common);
    directory.push(fields([4, 0x02014b50], [2, VERSION], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]), path);
    parts.push(head, path, bytes);
    offset += head.length + path.length + bytes.length;
  }
  const size = directory.reduce((n, part) => n + part.length, 0);
  const end = fields([4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, size], [4, offset], [2, 0]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

/** Write rows as CSV (RFC 4180), UTF-8 bytes. @param {string[][]} rows */
export function csv(rows) {
  /** @param {string} text */
  const cell = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return new TextEncoder().encode(rows.map((row) => row.map(cell).join(",") + "\r\n").join(""));
}
