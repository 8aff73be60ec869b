//! The configuration with which workerd, without wrangler, runs a bundle.
//!
//! Input: a bundle's folder, the certificates to trust, the names of the Worker's bindings. Output: Cap'n Proto text.
//! The values of bindings come from workerd's environment, so that no secret is written to a file.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::capnp::{COMPATIBILITY_DATE, literal};
use crate::d1::D1;
use crate::setup;
use anyhow::{Context, Result};

/// The bundle, certificates and bindings of a Worker.
pub struct Worker<'a> {
    /// The folder that the bundler wrote.
    pub bundle: &'a Path,
    /// A certificate authority (PEM) to trust in addition to the authorities that browsers trust.
    pub ca: &'a Path,
    /// Variables of workerd's environment that the Worker sees as text bindings.
    pub bindings: &'a [&'a str],
    /// Names and values in JSON, as wrangler binds a var that is not a string.
    pub json: &'a [(&'a str, &'a str)],
    /// Variables of workerd's environment that the Worker sees as secrets of a Secrets Store: such a binding returns
    /// its value when `get` is called.
    pub stored: &'a [&'a str],
    /// Classes of Durable Objects that the Worker exports, each bound by its own name, or `binding=class`. The storage
    /// of the objects is in memory.
    pub durable_objects: &'a [&'a str],
    /// Whether the objects have a separate isolate, so that they can be restarted without the Worker. This option needs
    /// [`EXPERIMENTAL`].
    pub apart: bool,
    /// Whether a request to `/trigger/scheduled` or `/trigger/queue` calls the Worker's handler `scheduled` or `queue`.
    /// On Cloudflare, a cron trigger or a queue calls these handlers. This option needs [`EXPERIMENTAL`].
    pub triggers: bool,
    /// The Worker's compatibility flags.
    pub compatibility_flags: &'a [&'a str],
    /// Flags of V8.
    pub v8_flags: &'a [&'a str],
    /// The bindings of Hyperdrive.
    pub hyperdrive: &'a [Hyperdrive<'a>],
    /// A binding of D1, with a Worker between the binding and D1, which also gets the requests from outside. This
    /// option needs [`EXPERIMENTAL`].
    pub d1: Option<D1<'a>>,
}

/// A binding of Hyperdrive to a database `postgres`. workerd connects it to a server without TLS, as `wrangler dev`
/// does.
#[derive(Debug, Clone, Copy)]
pub struct Hyperdrive<'a> {
    /// The name of the binding.
    pub name: &'a str,
    /// `host:port` of the server.
    pub address: &'a str,
    /// The user that the binding shows to the Worker.
    pub user: &'a str,
    /// The password that the binding shows to the Worker. The password is written to the configuration, so this is only
    /// for tests.
    pub password: &'a str,
}

impl Hyperdrive<'_> {
    fn binding(&self) -> String {
        let [name, user, password] = [self.name, self.user, self.password].map(literal);
        let service = self.service_name();
        format!(
            "    (name = {name}, hyperdrive = (designator = {service}, database = \"postgres\", user = {user}, \
             password = {password}, scheme = \"postgresql\"))"
        )
    }

    fn service(&self) -> String {
        let (service, address) = (self.service_name(), literal(self.address));
        format!("    (name = {service}, external = (address = {address}, tcp = ())),\n")
    }

    fn service_name(&self) -> String {
        literal(&format!("hyperdrive {}", self.name))
    }
}

/// The argument of workerd that the options [`Worker::apart`], [`Worker::triggers`] and [`Worker::d1`] need.
pub const EXPERIMENTAL: &str = "--experimental";

/// A secret of a store. `set` changes the value of the secret. A binding of a real store does not have `set`.
const STORED: &str = "import { WorkerEntrypoint } from 'cloudflare:workers';
let value;
export default class extends WorkerEntrypoint {
  get() { return value ?? this.env.VALUE; }
  set(other) { value = other; }
}";

/// Code in front of the Worker that turns a request into an event. The body of the request is the cron expression of a
/// scheduled event, or the body of the only message of a queue.
const TRIGGER: &str = "export default { async fetch(request, env) {
  const path = new URL(request.url).pathname;
  if (path === '/trigger/scheduled')
    return Response.json(await env.WORKER.scheduled({ cron: await request.text(), scheduledTime: new Date(0) }));
  if (path === '/trigger/queue')
    return Response.json(await env.WORKER.queue('queue',
      [{ id: 'one', timestamp: new Date(0), attempts: 1, body: await request.json() }]));
  return env.WORKER.fetch(request);
} }";

/// The code in front of the bundle in the objects' own isolate. The Worker sends requests to this code through its
/// binding `OBJECTS`:
///
/// - `/abort` ends the objects named `0` with `ctx.abort()`, a call that an object's own code can also use;
/// - `/update` ends every object from outside with `workerd:unsafe`, like an update of the Worker. In the oldest
///   workerd, `/update` would let running requests continue in the old object, but on Cloudflare, running requests do
///   not continue after an update. So in the oldest workerd, the objects first abort themselves;
/// - `/made` returns the number of objects that were created, `/came` the number of requests that all these objects
///   received;
/// - any other request is passed to the Worker in the isolate of the objects.
const APART: &str = "import unsafe from 'workerd:unsafe';
import { env } from 'cloudflare:workers';
import Bundle, * as bundle from './index.js';
let [made, came] = [0, 0];
const apart = (Class) => class {
  constructor(ctx, env) {
    made += 1;
    [this.ctx, this.object] = [ctx, new Class(ctx, env)];
  }
  fetch(request) {
    const path = new URL(request.url).pathname;
    if (path === '/abort') this.ctx.abort('abort() was called');
    came += 1;
    return this.object.fetch(request);
  }
};
export default class extends Bundle {
  async fetch(request) {
    const path = new URL(request.url).pathname;
    if (path === '/made' || path === '/came') return Response.json(path === '/made' ? made : came);
    if (path !== '/update' && path !== '/abort') return super.fetch(request);
    if (path === '/abort' || ABORTS)
      await Promise.all(NAMES.map((name) => env[name].getByName('0').fetch('http://object/abort').catch(() => {})));
    if (path === '/update') await unsafe.abortAllDurableObjects();
    return Response.json('done');
  }
}
";

/// Arguments with which workerd serves a configuration and prints its port on standard output, as one line of JSON:
/// `{"event":"listen","socket":"http","port":N}`.
pub const SERVE: [&str; 2] = ["serve", "--control-fd=1"];

/// The port in a line that workerd wrote, if the line has a port.
pub fn listening(line: &str) -> Option<u16> {
    let (_, rest) = line.strip_prefix(r#"{"event":"listen""#)?.split_once(r#""port":"#)?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Writes the configuration of one Worker, on any free port, to `path`.
///
/// # Errors
/// Returns an error if the bundle cannot be read or the file cannot be written.
pub fn write(path: &Path, worker: &Worker<'_>) -> Result<()> {
    // Paths in the configuration are relative to its folder.
    let folder = path.parent().context("the configuration needs a folder")?;
    let relative = |file: &Path| relative(folder, file).map(|path| literal(&path.to_string_lossy()));
    let mut modules = String::new();
    for file in files(worker.bundle)? {
        let name = file.strip_prefix(worker.bundle)?.to_string_lossy().into_owned();
        let kind = if name.ends_with(".wasm") { "wasm" } else { "esModule" };
        let name = literal(&name);
        writeln!(modules, "    (name = {name}, {kind} = embed {}),", relative(&file)?)?;
    }
    let text_bindings = worker.bindings.iter().map(|name| {
        let name = literal(name);
        format!("    (name = {name}, fromEnvironment = {name})")
    });
    let json_bindings = worker.json.iter().map(|(name, value)| {
        let (name, value) = (literal(name), literal(value));
        format!("    (name = {name}, json = {value})")
    });
    let durable_objects: Vec<(&str, &str)> =
        worker.durable_objects.iter().map(|bound| bound.split_once('=').unwrap_or((bound, bound))).collect();
    let object_bindings = durable_objects.iter().map(|(name, class)| {
        let service = if worker.apart { ", serviceName = \"objects\"" } else { "" };
        let (name, class) = (literal(name), literal(class));
        format!("    (name = {name}, durableObjectNamespace = (className = {class}{service}))")
    });
    let to_objects = worker.apart.then(|| "    (name = \"OBJECTS\", service = \"objects\")".to_owned());
    let stored_bindings = worker.stored.iter().map(|name| {
        let name = literal(name);
        format!("    (name = {name}, service = {name})")
    });
    let bindings: Vec<String> = text_bindings
        .chain(json_bindings)
        .chain(stored_bindings)
        .chain(object_bindings)
        .chain(to_objects)
        .chain(worker.hyperdrive.iter().map(Hyperdrive::binding))
        .collect();
    let hyperdrive: String = worker.hyperdrive.iter().map(Hyperdrive::service).collect();
    let stored: String = worker.stored.iter().map(|name| stored(name)).collect();
    let trigger = if worker.triggers { trigger() } else { String::new() };
    let first = literal(match (worker.d1, worker.triggers) {
        (Some(_), _) => "front",
        (None, true) => "trigger",
        (None, false) => "main",
    });
    let objects = durable_objects.iter().map(|(_, class)| {
        let class = literal(class);
        format!("    (className = {class}, uniqueKey = {class})")
    });
    let objects = objects.collect::<Vec<_>>().join(",\n");
    let modules = modules.trim_end().trim_end_matches(',');
    let list = |flags: &mut dyn Iterator<Item = &&str>| {
        flags.map(|flag| literal(flag)).collect::<Vec<_>>().join(", ")
    };
    let flags = |more: &[&str]| list(&mut worker.compatibility_flags.iter().chain(more));
    let v8_flags = list(&mut worker.v8_flags.iter());
    let script = |name: &str, first: &str, flags: &str, objects: &str, d1: &str| {
        let d1 = worker.d1.map(|it| it.binding_to(d1));
        let bindings = bindings.iter().chain(&d1).map(String::as_str).collect::<Vec<_>>().join(",\n");
        format!(
            r#"
const {name} :Workerd.Worker = (
  modules = [
{first}{modules}
  ],
  compatibilityDate = "{COMPATIBILITY_DATE}",
  compatibilityFlags = [{flags}],
  bindings = [
{bindings}
  ],
  durableObjectNamespaces = [
{objects}
  ],
  durableObjectStorage = (inMemory = void)
);
"#
        )
    };
    let (apart, scripts) = if worker.apart {
        let module = apart(&durable_objects, setup::workerd_is_oldest());
        let first = format!("    (name = \"apart.js\", esModule = {}),\n", literal(&module));
        let unsafe_module = flags(&["unsafe_module"]);
        let scripts = script("worker", "", &flags(&[]), "", "")
            + &script("objects", &first, &unsafe_module, &objects, "");
        ("    (name = \"objects\", worker = .objects),\n", scripts)
    } else {
        ("", script("worker", "", &flags(&[]), &objects, "front"))
    };
    let (d1, scripts, extensions) = match worker.d1 {
        Some(d1) => {
            let reader = script("reader", "", &flags(&[]), "", "d1");
            (d1.services(), scripts + &reader + &d1.scripts()?, ".miniflare")
        }
        None => (String::new(), scripts, ""),
    };
    let text = format!(
        r#"using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  v8Flags = [{v8_flags}],
  services = [
    (name = "main", worker = .worker),
{apart}{stored}{hyperdrive}{d1}{trigger}    (name = "internet", network = (
      allow = ["public", "private"],
      tlsOptions = (trustBrowserCas = true, trustedCertificates = [{certificates}])
    ))
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = {first})],
  extensions = [{extensions}]
);
{scripts}"#,
        certificates = certificates(&fs::read_to_string(worker.ca)?),
    );
    fs::write(path, text)?;
    Ok(())
}

/// The certificates of a PEM file as separate strings: the oldest workerd reads only the first certificate of a string.
fn certificates(pem: &str) -> String {
    const END: &str = "-----END CERTIFICATE-----";
    let each = pem.split_inclusive(END).filter(|text| text.ends_with(END));
    each.map(|text| literal(text.trim_start())).collect::<Vec<_>>().join(", ")
}

/// The service behind a binding to a secret of a store.
fn stored(name: &str) -> String {
    let (name, module) = (literal(name), literal(STORED));
    format!(
        "    (name = {name}, worker = (modules = [(name = \"stored.js\", esModule = {module})], \
         compatibilityDate = \"{COMPATIBILITY_DATE}\", bindings = [(name = \"VALUE\", fromEnvironment = {name})])),\n"
    )
}

/// Returns the main module of the Worker `objects`, which has the Durable Objects if they run in a separate isolate.
/// The module wraps the classes of the bundle. If `aborts`, the objects first abort themselves at `/update`.
fn apart(durable_objects: &[(&str, &str)], aborts: bool) -> String {
    let names = durable_objects.iter().map(|(name, _)| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    let mut module = APART.replace("NAMES", &format!("[{names}]")).replace("ABORTS", &aborts.to_string());
    for (_, class) in durable_objects {
        let _ = writeln!(module, "export const {class} = apart(bundle.{class});");
    }
    module
}

fn trigger() -> String {
    let module = literal(TRIGGER);
    format!(
        "    (name = \"trigger\", worker = (modules = [(name = \"trigger.js\", esModule = {module})], \
         compatibilityDate = \"{COMPATIBILITY_DATE}\", compatibilityFlags = [\"service_binding_extra_handlers\"], \
         bindings = [(name = \"WORKER\", service = \"main\")])),\n"
    )
}

/// Every file of a bundle, the entry first, because workerd uses the first module as the main module.
///
/// # Errors
/// Returns an error if a folder cannot be read.
pub fn files(bundle: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![bundle.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files.sort_by_key(|file| !file.ends_with("index.js"));
    Ok(files)
}

fn relative(folder: &Path, file: &Path) -> Result<PathBuf> {
    let (folder, file) = (fs::canonicalize(folder)?, fs::canonicalize(file)?);
    let common = folder.components().zip(file.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(common).map(|_| Path::new("..").as_os_str());
    Ok(up.chain(file.components().skip(common).map(|part| part.as_os_str())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_is_read_only_from_the_line_of_workerd() {
        assert_eq!(listening(r#"{"event":"listen","socket":"http","port":37375}"#), Some(37375));
        assert_eq!(listening(r#"{"event":"listen","socket":"http","port":99999}"#), None);
        assert_eq!(listening("a worker's own line"), None);
    }

    #[test]
    fn each_certificate_is_a_separate_string() {
        let pem = "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n";
        let one = r#""-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----""#;
        assert_eq!(certificates(pem), one);
        assert_eq!(certificates(&[pem, pem].concat()), format!("{one}, {one}"));
    }

    #[test]
    fn the_entry_comes_first_and_paths_are_relative() {
        let folder = std::env::temp_dir().join(format!("xtask-workerd-{}", std::process::id()));
        let bundle = folder.join("bundle");
        fs::create_dir_all(bundle.join("snippets")).unwrap();
        for name in ["a.js", "index.js", "w.wasm", "snippets/s.js"] {
            fs::write(bundle.join(name), "").unwrap();
        }
        fs::write(folder.join("ca.crt"), "").unwrap();
        let path = folder.join("config.capnp");
        write(
            &path,
            &Worker {
                bundle: &bundle,
                ca: &folder.join("ca.crt"),
                bindings: &["A", "B"],
                json: &[("J", "[1, \"two\"]")],
                stored: &["D"],
                durable_objects: &["O=C"],
                apart: false,
                triggers: false,
                compatibility_flags: &[],
                v8_flags: &[],
                hyperdrive: &[],
                d1: None,
            },
        )
        .unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let names: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("(name = ")).collect();
        assert_eq!(
            names[3..],
            [
                r#""index.js", esModule = embed "bundle/index.js"),"#,
                r#""a.js", esModule = embed "bundle/a.js"),"#,
                r#""snippets/s.js", esModule = embed "bundle/snippets/s.js"),"#,
                r#""w.wasm", wasm = embed "bundle/w.wasm")"#,
                r#""A", fromEnvironment = "A"),"#,
                r#""B", fromEnvironment = "B"),"#,
                r#""J", json = "[1, \"two\"]"),"#,
                r#""D", service = "D"),"#,
                r#""O", durableObjectNamespace = (className = "C"))"#,
            ]
        );
        let apart = apart(&[("O", "C")], false);
        assert!(apart.contains("['O'].map(") && apart.ends_with("export const C = apart(bundle.C);\n"));
        fs::remove_dir_all(folder).unwrap();
    }
}
