// Runs an exported model as a browser would, in onnxruntime-web under Node:
//   node run.mjs MODEL.onnx WAVEFORMS.f32 N_SAMPLES
// WAVEFORMS.f32 holds rows of float32; prints the probabilities, a JSON list a row.
import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-web";

const [model, waveforms, length] = process.argv.slice(2);
const nSamples = Number(length);
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(readFileSync(model));
const bytes = readFileSync(waveforms);
const samples = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const waveform = new ort.Tensor("float32", samples, [samples.length / nSamples, nSamples]);
const { probabilities } = await session.run({ waveform });
const [nRows, nLabels] = probabilities.dims;
for (let row = 0; row < nRows; row += 1) {
  const found = Array.from(probabilities.data.slice(row * nLabels, (row + 1) * nLabels));
  console.log(JSON.stringify(found.map((p) => (Number.isNaN(p) ? null : p))));
}
