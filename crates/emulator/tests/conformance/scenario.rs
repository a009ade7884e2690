//! Traffic that both hosts get.

use fairlead_emulator::FailurePolicy;

/// What the upstream does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Up {
    /// Status, headers, body chunks, trailers.
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<String>,
        trailers: Vec<(String, String)>,
    },
    /// Closes the connection.
    Close,
    /// Answers after the client has gone, or never.
    Never,
    /// No route, an unreachable cluster, or a time-out: Envoy answers. The path says so to Envoy.
    NoRoute,
    Unreachable,
    Timeout,
}

/// One request. Requests of a scenario follow each other, each on a connection of its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) method: String,
    pub(crate) host: Option<String>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Option<String>,
    pub(crate) trailers: Vec<(String, String)>,
    pub(crate) abort: bool,
    pub(crate) up: Up,
    /// The stream leaves no `on_delete` behind.
    pub(crate) traps: bool,
    /// Milliseconds to wait before it.
    pub(crate) wait: u64,
}

/// A filter.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) name: &'static str,
    pub(crate) root_id: &'static str,
    pub(crate) vm_id: &'static str,
    pub(crate) configuration: String,
    pub(crate) vm_configuration: &'static str,
    pub(crate) policy: FailurePolicy,
}

/// A chain of filters and the traffic through it.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) workers: usize,
    pub(crate) filters: Vec<Filter>,
    pub(crate) steps: Vec<Step>,
}

/// What a client saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// 0: nothing.
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) truncated: bool,
}

pub(crate) fn filter(name: &'static str, configuration: &str) -> Filter {
    Filter {
        name,
        root_id: "root",
        vm_id: "",
        configuration: configuration.to_owned(),
        vm_configuration: "",
        policy: FailurePolicy::FailClosed,
    }
}

pub(crate) fn get(words: &str) -> Step {
    Step {
        method: "GET".to_owned(),
        host: Some("sim.local".to_owned()),
        headers: vec![("x-probe".to_owned(), words.as_bytes().to_vec())],
        body: None,
        trailers: Vec::new(),
        abort: false,
        up: answer(200, &["upstream"]),
        traps: false,
        wait: 0,
    }
}

pub(crate) fn post(words: &str, body: &str) -> Step {
    Step {
        method: "POST".to_owned(),
        body: Some(body.to_owned()),
        ..get(words)
    }
}

pub(crate) fn answer(status: u16, body: &[&str]) -> Up {
    Up::Answer {
        status,
        headers: vec![("x-up".to_owned(), "1".to_owned())],
        body: body.iter().map(|chunk| (*chunk).to_owned()).collect(),
        trailers: Vec::new(),
    }
}

impl Step {
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn up(mut self, up: Up) -> Self {
        self.up = up;
        self
    }

    pub(crate) fn trailer(mut self, name: &str, value: &str) -> Self {
        self.trailers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn up_trailer(mut self, name: &str, value: &str) -> Self {
        if let Up::Answer { trailers, .. } = &mut self.up {
            trailers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    pub(crate) fn without_host(mut self) -> Self {
        self.host = None;
        self
    }

    pub(crate) fn abort(mut self) -> Self {
        self.abort = true;
        self.up = Up::Never;
        self
    }

    pub(crate) fn traps(mut self) -> Self {
        self.traps = true;
        self
    }

    pub(crate) fn wait(mut self, milliseconds: u64) -> Self {
        self.wait = milliseconds;
        self
    }

    /// The path that tells the upstream and the route table what this step is.
    pub(crate) fn path(&self, index: usize) -> String {
        let kind = match self.up {
            Up::NoRoute => "none",
            Up::Unreachable => "dead",
            Up::Timeout => "late",
            Up::Answer { .. } | Up::Close | Up::Never => "up",
        };
        format!("/{kind}/{index}?q=1&r=2")
    }

    /// The headers as the client sends them, without the host.
    pub(crate) fn sent_headers(&self) -> Vec<(String, Vec<u8>)> {
        let mut headers = self.headers.clone();
        if self.body.is_some() || !self.trailers.is_empty() {
            headers.push(("transfer-encoding".to_owned(), b"chunked".to_vec()));
        }
        headers
    }
}
