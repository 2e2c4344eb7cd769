// What a worklet finds in its global scope, which is no window; TypeScript's own libraries leave it out.
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;
