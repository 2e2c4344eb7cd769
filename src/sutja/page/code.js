// @ts-check
// Code to copy: how a program asks the taught model. The tests run it as it stands here.

/**
 * @param {URL} address that recordings are sent to
 * @param {boolean} hasToken whether the service asks for one
 * @returns {{ name: string, needs: "zip" | "service", text: string }[]}
 */
export function codes(address, hasToken) {
  const curlToken = hasToken ? ' -H "Authorization: Bearer $SUTJA_TOKEN"' : "";
  const token = hasToken ? "\n  headers: { Authorization: `Bearer ${process.env.SUTJA_TOKEN}` }," : "";
  return [
    { name: "Python", needs: "zip", text: `import sutja

model = sutja.load("my_words.zip")
print(model.predict("recording.wav").label)  # None: it is none of these words` },
    { name: "curl", needs: "service", text: `curl --data-binary @recording.wav${curlToken} ${address}` },
    { name: "JavaScript", needs: "service", text: `import { readFile } from "node:fs/promises";

const response = await fetch("${address}", {
  method: "POST",
  body: await readFile("recording.wav"),${token}
});
console.log((await response.json()).label); // null: it is none of these words` },
  ];
}
