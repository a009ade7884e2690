//! A registry in this process, as much of one as pushing needs, which can misbehave on purpose.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How it behaves.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// It lets in who says this, `user:password` in base64, only.
    pub(crate) only: Option<&'static str>,
    /// It asks for a token, which is handed out against the credentials.
    pub(crate) by_token: bool,
    /// It lists what is attached by itself.
    pub(crate) lists: bool,
    /// It keeps something else than it was sent.
    pub(crate) rewrites: bool,
    /// It takes nothing whose repository has this in its name.
    pub(crate) denies: Option<&'static str>,
    /// It has no time when it is asked something for the first time.
    pub(crate) busy_at_first: bool,
    /// It does not say where it has put what it has taken.
    pub(crate) says_nowhere: bool,
}

impl Manner {
    /// Where something was put, if it is said.
    fn location(self, place: String) -> Vec<(&'static str, String)> {
        match self.says_nowhere {
            true => Vec::new(),
            false => location(place),
        }
    }
}

/// A running registry. Its threads end with the process.
pub(crate) struct Registry {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    blobs: BTreeMap<String, Vec<u8>>,
    /// By repository and tag or digest.
    manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    /// What it has been asked: methods and kinds of things.
    asked: BTreeSet<(String, &'static str)>,
}

struct Request {
    method: String,
    path: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

type Answer = (u16, Vec<(&'static str, String)>, Vec<u8>);

const TOKEN: &str = "a-token";

impl Registry {
    pub(crate) fn start(manner: Manner) -> Self {
        Self::behind(manner, |stream| stream)
    }

    /// One whose connections go through something else first.
    pub(crate) fn behind<S: Read + Write>(
        manner: Manner,
        front: impl Fn(TcpStream) -> S + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let (shared, front) = (Arc::clone(&state), Arc::new(front));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, front) = (Arc::clone(&shared), Arc::clone(&front));
                std::thread::spawn(move || serve(front(stream), manner, address, &shared));
            }
        });
        Self { address, state }
    }

    /// What it has under a tag or a digest.
    pub(crate) fn manifest(&self, repository: &str, reference: &str) -> Option<Vec<u8>> {
        let state = self.state.lock().unwrap();
        let found = state
            .manifests
            .get(&(repository.to_owned(), reference.to_owned()));
        found.map(|(_, bytes)| bytes.clone())
    }

    /// Puts a manifest there, as somebody else would.
    pub(crate) fn put(&self, repository: &str, reference: &str, manifest: &Value) {
        let kind = manifest["mediaType"].as_str().unwrap().to_owned();
        let bytes = manifest.to_string().into_bytes();
        let key = (repository.to_owned(), reference.to_owned());
        self.state.lock().unwrap().manifests.insert(key, (kind, bytes));
    }

    pub(crate) fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        self.state.lock().unwrap().blobs.get(digest).cloned()
    }

    /// How many kinds of requests it has seen.
    pub(crate) fn asked(&self) -> usize {
        self.state.lock().unwrap().asked.len()
    }

    /// How many manifests it has, each under every name.
    pub(crate) fn manifests(&self) -> usize {
        self.state.lock().unwrap().manifests.len()
    }
}

fn serve(stream: impl Read + Write, manner: Manner, address: SocketAddr, state: &Mutex<State>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream) {
        let (status, headers, body) = answer(&request, manner, address, &mut state.lock().unwrap());
        let mut head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        let body = if request.method == "HEAD" {
            &[]
        } else {
            body.as_slice()
        };
        let mut answer = head.into_bytes();
        answer.extend(body);
        if stream
            .get_mut()
            .write_all(&answer)
            .and_then(|()| stream.get_mut().flush())
            .is_err()
        {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim().split_once(':') {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
            None => break,
        };
    }
    let length = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Some(Request {
        method,
        path: path.to_owned(),
        query: query.replace("%3A", ":"),
        headers,
        body,
    })
}

fn answer(request: &Request, manner: Manner, address: SocketAddr, state: &mut State) -> Answer {
    let said = request
        .headers
        .get("authorization")
        .map(String::as_str)
        .unwrap_or_default();
    if let Some(only) = manner.only {
        let basic = said == format!("Basic {only}");
        if request.path == "/token" {
            return match basic {
                true => (200, Vec::new(), json!({"token": TOKEN}).to_string().into_bytes()),
                // As careless as a registry can be with what it was told.
                false => (401, Vec::new(), said.into()),
            };
        }
        let (wanted, challenge) = match manner.by_token {
            true => (
                said == format!("Bearer {TOKEN}"),
                format!("Bearer realm=\"http://{address}/token\",service=\"registry\""),
            ),
            false => (basic, "Basic realm=\"registry\"".to_owned()),
        };
        if !wanted {
            return (401, vec![("www-authenticate", challenge)], said.into());
        }
    }
    let Some(rest) = request.path.strip_prefix("/v2/").filter(|rest| !rest.is_empty()) else {
        return (200, Vec::new(), Vec::new());
    };
    let (repository, kind, name) = ["/blobs/uploads/", "/blobs/", "/manifests/", "/referrers/"]
        .into_iter()
        .find_map(|kind| rest.split_once(kind).map(|(before, after)| (before, kind, after)))
        .unwrap();
    if manner.denies.is_some_and(|denied| repository.contains(denied)) && request.method != "GET" {
        return error(403, "DENIED");
    }
    if manner.busy_at_first && state.asked.insert((request.method.clone(), kind)) {
        // Some say so in the format of the specification, some are a gateway that knows none.
        return match state.asked.len() % 2 {
            0 => error(429, "TOOMANYREQUESTS"),
            _ => (503, Vec::new(), b"<html>".to_vec()),
        };
    }
    match (request.method.as_str(), kind) {
        ("POST", "/blobs/uploads/") => (
            202,
            location(format!("/v2/{repository}/blobs/uploads/1")),
            Vec::new(),
        ),
        ("PUT", "/blobs/uploads/") => {
            let digest = request.query.split("digest=").nth(1).unwrap().to_owned();
            state.blobs.insert(digest.clone(), request.body.clone());
            let place = format!("/v2/{repository}/blobs/{digest}");
            (201, manner.location(place), Vec::new())
        }
        (_, "/blobs/") => match state.blobs.get(name) {
            Some(blob) => (200, Vec::new(), blob.clone()),
            None => error(404, "BLOB_UNKNOWN"),
        },
        ("PUT", "/manifests/") => put(request, manner, state, repository, name),
        (_, "/manifests/") => match state.manifests.get(&(repository.to_owned(), name.to_owned())) {
            Some((kind, bytes)) => (200, vec![("content-type", kind.clone())], bytes.clone()),
            None => error(404, "MANIFEST_UNKNOWN"),
        },
        ("GET", "/referrers/") if manner.lists => referrers(state, repository, name),
        _ => error(404, "UNSUPPORTED"),
    }
}

fn put(request: &Request, manner: Manner, state: &mut State, repository: &str, name: &str) -> Answer {
    let kind = request.headers["content-type"].clone();
    let mut bytes = request.body.clone();
    if manner.rewrites {
        bytes.push(b'\n');
    }
    state
        .manifests
        .insert((repository.to_owned(), name.to_owned()), (kind, bytes));
    let place = format!("/v2/{repository}/manifests/{name}");
    (201, manner.location(place), Vec::new())
}

/// What is about a digest, as the API lists it.
fn referrers(state: &State, repository: &str, digest: &str) -> Answer {
    let about = |bytes: &[u8]| {
        let manifest: Value = serde_json::from_slice(bytes).unwrap();
        (manifest["subject"]["digest"] == digest).then_some(manifest)
    };
    let listed: Vec<Value> = (state.manifests.iter())
        .filter(|((of, _), _)| of == repository)
        .filter_map(|((_, name), (kind, bytes))| {
            let manifest = about(bytes)?;
            Some(json!({"mediaType": kind, "digest": name, "size": bytes.len(), "artifactType": manifest["artifactType"]}))
        })
        .collect();
    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": listed});
    (200, Vec::new(), index.to_string().into_bytes())
}

fn location(place: String) -> Vec<(&'static str, String)> {
    vec![("location", place)]
}

fn error(status: u16, code: &str) -> Answer {
    let body = json!({"errors": [{"code": code, "message": "no"}]});
    (status, Vec::new(), body.to_string().into_bytes())
}
