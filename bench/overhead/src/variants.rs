//! What is compared: chains of filters, each with the routes that it needs.
//!
//! Every variant is a listener of its own, and every plugin has a name of its own, even where the module is the same:
//! plugins of one name would share counters and buckets, and one would pay for the other's keys.

mod empty;
mod native;
mod ours;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use fairlead_envoy::{HttpFilter, Wasm};
use fairlead_load::{Prepared, Request};
use serde::{Deserialize, Serialize};

pub use empty::{bare, build_sdk};
pub use native::{lua, native};
pub use ours::ours;

/// Where a variant stands in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// No filter.
    None,
    /// A filter that does nothing.
    Empty,
    /// One filter of this toolkit.
    Filter,
    /// The four filters of this toolkit together.
    Four,
    /// What Envoy has itself.
    Native,
    /// A script in Envoy's Lua filter.
    Lua,
    /// A module that the caller names.
    Module,
}

impl Group {
    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::None => "no filter",
            Self::Empty => "empty filters",
            Self::Filter => "one filter",
            Self::Four => "all four",
            Self::Native => "Envoy's own filters",
            Self::Lua => "Lua",
            Self::Module => "this module",
        }
    }
}

/// The routes of a variant's listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Routes {
    /// One route for every request.
    One,
    /// Before it, one for requests with `x-canary: v2`: what a canary needs, with or without a filter.
    Canary,
    /// The same, with the route for one user instead: what Envoy can decide itself.
    User,
}

impl Routes {
    /// The variant without filters that has these routes.
    pub fn baseline(self) -> &'static str {
        match self {
            Self::One => "none",
            Self::Canary | Self::User => "none-canary-route",
        }
    }
}

/// A chain of filters to be measured.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The name on the command line and in JSON: `a-z`, `0-9`, `-`; unique.
    pub name: String,
    /// The name in tables.
    pub title: String,
    /// Where it stands.
    pub group: Group,
    /// What its listener routes.
    pub routes: Routes,
    /// The variant without filters from which its cost counts.
    pub over: Routes,
    /// The filters, in order; the router comes by itself.
    pub filters: Vec<HttpFilter>,
    /// The modules among them. Each distinct one is a VM of its own.
    pub modules: Vec<PathBuf>,
    /// The status of every answer but the first ones.
    pub status: u16,
}

impl Variant {
    /// A variant without filters, with one route, that is answered 200.
    pub fn new(name: impl Into<String>, title: impl Into<String>, group: Group) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            group,
            routes: Routes::One,
            over: Routes::One,
            filters: Vec::new(),
            modules: Vec::new(),
            status: 200,
        }
    }

    /// Appends a filter of Envoy.
    #[must_use]
    pub fn filter(mut self, filter: HttpFilter) -> Self {
        self.filters.push(filter);
        self
    }

    /// Appends a plugin. `plugin` is its name within the variant; `configuration` is what it is handed.
    #[must_use]
    pub fn wasm(mut self, plugin: &str, module: &Path, configuration: impl Into<String>) -> Self {
        let name = format!("{}-{plugin}", self.name);
        let wasm = Wasm::new(name, module).root_id("").configuration(configuration);
        self.filters.push(wasm.into());
        self.modules.push(module.to_owned());
        self
    }

    /// Adds the route of a canary, and counts the cost from what Envoy costs with that route.
    #[must_use]
    pub fn routed(mut self) -> Self {
        self.routes = Routes::Canary;
        self.over = Routes::Canary;
        self
    }

    /// The status that its answers have.
    #[must_use]
    pub fn answers(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Whether it is a variant without filters.
    pub fn is_baseline(&self) -> bool {
        self.group == Group::None
    }

    /// Bytes of its modules, each counted once.
    ///
    /// # Errors
    /// A module cannot be read.
    pub fn module_bytes(&self) -> Result<u64> {
        let mut distinct = self.modules.clone();
        distinct.sort();
        distinct.dedup();
        let size = |path: &PathBuf| {
            let meta = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok(meta.len())
        };
        distinct.iter().map(size).sum()
    }
}

/// The variants without filters: from these the cost of the others counts.
pub fn none() -> Vec<Variant> {
    let mut routed = Variant::new(
        Routes::Canary.baseline(),
        "no filter, with a canary's route",
        Group::None,
    );
    routed.routes = Routes::Canary;
    vec![
        Variant::new(Routes::One.baseline(), "no filter", Group::None),
        routed,
    ]
}

/// Anybody's module.
///
/// # Errors
/// There is no such file.
pub fn module(path: &Path, configuration: Option<&str>) -> Result<Variant> {
    let path = std::path::absolute(path).with_context(|| format!("cannot find {}", path.display()))?;
    std::fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let title = path
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Ok(Variant::new("module", title, Group::Module).wasm("it", &path, configuration.unwrap_or_default()))
}

/// The variants of `all` that are named, and the variants without filters; all if none is named.
///
/// # Errors
/// A name that no variant has; the message lists them.
pub fn select(all: Vec<Variant>, only: &[String]) -> Result<Vec<Variant>> {
    let names = || {
        all.iter()
            .map(|variant| variant.name.as_str())
            .collect::<Vec<_>>()
    };
    for name in only {
        let known = all
            .iter()
            .any(|variant| variant.name == *name || variant.name.starts_with(&format!("{name}-")));
        anyhow::ensure!(known, "no variant `{name}`; there are {}", names().join(", "));
    }
    let chosen = |variant: &Variant| {
        let named = |name: &String| variant.name == *name || variant.name.starts_with(&format!("{name}-"));
        variant.is_baseline() || only.is_empty() || only.iter().any(named)
    };
    Ok(all.into_iter().filter(chosen).collect())
}

/// The request that is measured: 11 headers, of which one names the user.
pub fn request() -> Prepared {
    let request = Request::get("/")
        .header("host", "test.local")
        .header("user-agent", "bench/1.0")
        .header("accept", "*/*")
        .header("x-user-id", "alice-42");
    (0..7)
        .fold(request, |request, i| {
            request.header(format!("x-extra-{i}"), format!("value-number-{i}"))
        })
        .build()
}

#[cfg(test)]
mod tests;
