//! Access logs as JSON lines.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::type_url;

/// The fields of every line unless more are added: name and Envoy format string.
const FIELDS: [(&str, &str); 6] = [
    ("method", "%REQ(:METHOD)%"),
    ("path", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"),
    ("status", "%RESPONSE_CODE%"),
    ("response_code_details", "%RESPONSE_CODE_DETAILS%"),
    ("flags", "%RESPONSE_FLAGS%"),
    ("duration_ms", "%DURATION%"),
];

/// Where one JSON line a request goes, and what is in it: `method`, `path`, `status` (a number; 0 when the client left
/// first), `response_code_details`, `flags`, `duration_ms` (a number), and what [`field`](Self::field) adds. A value
/// that does not exist is `null`.
#[derive(Clone, Debug)]
pub struct AccessLog {
    file: Option<PathBuf>,
    fields: Vec<(String, String)>,
}

impl AccessLog {
    /// Lines go to Envoy's standard output, which [`Envoy::access_log`](crate::Envoy::access_log) reads back.
    pub fn stdout() -> Self {
        Self::to(None)
    }

    /// Lines are appended to a file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::to(Some(path.into()))
    }

    fn to(file: Option<PathBuf>) -> Self {
        Self {
            file,
            fields: FIELDS.map(|(name, format)| (name.into(), format.into())).to_vec(),
        }
    }

    /// Adds or replaces a field; `format` is an Envoy format string such as `%UPSTREAM_HOST%`.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, format: impl Into<String>) -> Self {
        let name = name.into();
        self.fields.retain(|(known, _)| *known != name);
        self.fields.push((name, format.into()));
        self
    }

    pub(super) fn to_json(&self) -> Value {
        let format: Map<String, Value> = self
            .fields
            .iter()
            .map(|(name, format)| (name.clone(), json!(format)))
            .collect();
        let format = json!({"json_format": format});
        match &self.file {
            Some(path) => json!({
                "name": "file",
                "typed_config": {
                    "@type": type_url("access_loggers.file.v3.FileAccessLog"),
                    "path": path.to_string_lossy(),
                    "log_format": format,
                },
            }),
            None => json!({
                "name": "stdout",
                "typed_config": {
                    "@type": type_url("access_loggers.stream.v3.StdoutAccessLog"),
                    "log_format": format,
                },
            }),
        }
    }
}
