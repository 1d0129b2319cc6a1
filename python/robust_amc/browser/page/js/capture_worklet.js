/** Passes what a microphone hears on to the page: the first two channels of each block. */

class Capture extends AudioWorkletProcessor {
  process([channels]) {
    if (channels.length) this.port.postMessage(channels.slice(0, 2).map((each) => each.slice()));
    return true;
  }
}

registerProcessor("capture", Capture);
