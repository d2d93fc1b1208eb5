// Let the search work where a page is opened as a file: browsers start no worker there, so it runs in a hidden frame.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    #frame = document.createElement("iframe");
    #ready;

    constructor(url) {
      super();
      this.#frame.hidden = true;
      this.#ready = new Promise((resolve, reject) => {
        this.#frame.addEventListener("load", () => {
          const inside = this.#frame.contentWindow;
          const load = (source) => new Promise((done, failed) => {
            const script = inside.document.createElement("script");
            Object.assign(script, { src: source, onload: done, onerror: failed });
            inside.document.body.append(script);
          });
          // What a worker has by itself: it talks to its page, and loads scripts one after the other.
          inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
          inside.importScripts = (...sources) =>
            sources.reduce((before, source) => before.then(() => load(source)), Promise.resolve());
          load(url).then(() => resolve(inside), reject);
        }, { once: true });
      });
      this.#frame.srcdoc = "<!doctype html><title>search</title><body></body>";
      document.body.append(this.#frame);
    }

    postMessage(data) {
      this.#ready.then((inside) => inside.dispatchEvent(new inside.MessageEvent("message", { data })));
    }

    terminate() {
      this.#frame.remove();
    }
  };
}
