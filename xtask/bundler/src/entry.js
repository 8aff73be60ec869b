// The entry of a Worker in Rust: passes events to the wasm, and starts the wasm again after a panic.
//
// A panic or a trap leaves the wasm instance in an undefined state, so it must not run again. The worker crate records
// a panic in its state. A trap is not recorded: it arrives here as an error. The next event gets a new instance.
import { WorkerEntrypoint } from "cloudflare:workers";
import * as worker from "./worker.js";

const state = worker.__worker_init_state();

function renew() {
  if (!state.criticalError) return;
  console.log("Reinitializing Wasm application");
  worker.__wbg_reset_state();
  state.criticalError = false;
  state.instanceId += 1;
}

function note(error) {
  if (error instanceof WebAssembly.RuntimeError) {
    console.error("Critical", error);
    state.criticalError = true;
  }
}

addEventListener("error", (event) => note(event.error));

function watched(call) {
  return function (...args) {
    renew();
    try {
      const result = call.apply(this, args);
      if (!(result instanceof Promise)) return result;
      return result.catch((error) => {
        note(error);
        throw error;
      });
    } catch (error) {
      note(error);
      throw error;
    }
  };
}

// A Durable Object can exist longer than an instance of the wasm: its Rust part is then created again from the same
// arguments. workerd gets a method once and keeps it, so a method looks up the current Rust part at each call.
function renewed(type) {
  return new Proxy(type, {
    construct(_, args) {
      let made, object;
      const present = () => {
        renew();
        if (made !== state.instanceId) {
          made = state.instanceId;
          object = Reflect.construct(type, args);
        }
        return object;
      };
      return new Proxy(present(), {
        get(_, name) {
          const value = Reflect.get(present(), name);
          if (typeof value !== "function") return value;
          return watched((...args) => present()[name](...args));
        },
      });
    },
  });
}

const events = ["fetch", "queue", "scheduled", "email", "connect"];

class Entry extends WorkerEntrypoint {}

for (const [name, call] of Object.entries(worker)) {
  if (name.startsWith("__") || typeof call !== "function" || call.toString().startsWith("class")) continue;
  Entry.prototype[name] = events.includes(name)
    ? watched(function (event) {
        return call.call(this, event, this.env, this.ctx);
      })
    : watched(call);
}

export default Entry;
