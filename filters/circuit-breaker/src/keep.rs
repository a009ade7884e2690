//! The last good response to a request: kept while the upstream answers, served while nobody asks it.

use crate::CircuitBreaker;
use crate::configure::Breaker;
use crate::metrics::Metric;
use crate::stream::Flight;
use fairlead_config::circuit_breaker as config;
use fairlead_matching::Request;
use fairlead_stage::{Cell, Effects, GroupId, HeaderMap, Needs, Proxy, Reply, Scope, Step, Verdict, View};
use fairlead_stale::{Body, Head, Kept, Pace, Place, Request as Asks, Store, fields};
use std::borrow::Cow;

/// A store of responses, and this worker's pace in filling it.
pub(crate) struct Keeper {
    store: Store,
    group: GroupId,
    pace: Pace,
}

/// A response that may be kept.
pub(crate) struct Keeping {
    /// Index of the breaker whose store it is for.
    breaker: usize,
    place: Place,
    begun: Option<(Head, Body)>,
}

impl Keeper {
    #[inline(never)]
    pub(crate) fn new(breaker: &str, stale: &config::Stale, needs: &mut Needs) -> Self {
        let store = Store::new(stale.max_entries, stale.max_body_bytes, stale.max_age);
        needs.header(HeaderMap::Request, ":authority");
        needs.header(HeaderMap::Request, ":path");
        needs.header(HeaderMap::Request, ":method");
        needs.header(HeaderMap::Request, "accept-encoding");
        for name in ["authorization", "cookie", "range", "cache-control"] {
            needs.rare_header(HeaderMap::Request, name);
        }
        Self {
            group: needs.cells(
                [breaker, "/stale/", &store.cells().to_string()].concat(),
                Scope::Proxy,
                store.cells(),
                store.cell_bytes(),
            ),
            pace: Pace::new(&store),
            store,
        }
    }

    const fn cell(&self, place: Place) -> Cell {
        Cell {
            group: self.group,
            index: place.cell,
        }
    }

    /// Where the response to this request is kept; `None` if it never is.
    #[inline(never)]
    fn place<'v, V: View>(&self, request: &Request<'v, V>, view: &V, proxy: &impl Proxy) -> Option<Place> {
        let has = |name| view.header(HeaderMap::Request, name).is_some();
        let cache_control = view.header(HeaderMap::Request, "cache-control");
        let asks = Asks {
            method: request.method()?,
            authorization: has("authorization"),
            cookie: has("cookie"),
            range: has("range"),
            body: !view.ends(),
            cache_control: cache_control.as_deref(),
        };
        if !asks.qualifies() {
            return None;
        }
        let [authority, path, coding] = [":authority", ":path", "accept-encoding"]
            .map(|name| view.header(HeaderMap::Request, name).unwrap_or_default());
        let parts = [authority.as_ref(), path.as_ref(), coding.as_ref()];
        Some(self.store.locate(proxy.seed(), parts))
    }

    /// Whether the response to this request is to be kept.
    #[inline(never)]
    pub(crate) fn prepare<'v, V: View>(
        &self,
        breaker: usize,
        request: &Request<'v, V>,
        view: &V,
        proxy: &impl Proxy,
    ) -> Option<Box<Keeping>> {
        let place = self.place(request, view, proxy)?;
        self.pace.is_due(place, view.now()).then(|| {
            Box::new(Keeping {
                breaker,
                place,
                begun: None,
            })
        })
    }

    /// The kept response to this request as the proxy's answer.
    #[inline(never)]
    pub(crate) fn serve<'s, 'v, V: View>(
        &self,
        breaker: &'s Breaker,
        request: &Request<'v, V>,
        view: &V,
        proxy: &impl Proxy,
        effects: &mut Effects,
    ) -> Option<Verdict<'s>> {
        let place = self.place(request, view, proxy)?;
        let response = HeaderMap::Response;
        let found = proxy.update(self.cell(place), |old, _| {
            let found = self.store.find(place, view.now(), old);
            Step::Keep(found.map(|found| {
                effects.clear();
                for (name, value) in found.headers() {
                    if let Ok(name) = std::str::from_utf8(name) {
                        effects.add(response, name, |out| out.extend_from_slice(value));
                    }
                }
                effects.set(response, "age", |out| fields::push_age(out, found.age));
                effects.set(response, "warning", |out| {
                    out.extend_from_slice(fields::WARNING.as_bytes());
                });
                (found.status, found.body.to_vec())
            }))
        });
        let (status, body) = found.ok().flatten()?;
        Some(Verdict::Deny(Reply {
            status,
            grpc_status: None,
            details: &breaker.reply.details,
            body: Cow::Owned(body),
        }))
    }
}

impl CircuitBreaker {
    fn keeper(&self, keeping: &Keeping) -> Option<(&Breaker, &Keeper)> {
        let breaker = self.breakers.get(keeping.breaker)?;
        Some((breaker, breaker.stale.as_ref()?))
    }

    /// Judges the headers of a good response.
    #[inline(never)]
    pub(crate) fn keep_head(&self, flight: &mut Flight, view: &impl View, proxy: &impl Proxy) {
        let Some(mut keeping) = flight.keeping.take() else {
            return;
        };
        let Some((_, keeper)) = self.keeper(&keeping) else {
            return;
        };
        let mut judged = keeper.store.keeping();
        view.each_header(HeaderMap::Response, &mut |name, value| {
            judged.header(name, value);
        });
        let Some(head) = judged.finish() else { return };
        let body = keeper.store.body(&head);
        keeping.begun = Some((head, body));
        if view.ends() {
            self.keep(&keeping, view, proxy);
        } else {
            flight.keeping = Some(keeping);
        }
    }

    /// Collects a part of its body, and keeps it when it is whole.
    #[inline(never)]
    pub(crate) fn keep_body(&self, flight: &mut Flight, part: &[u8], view: &impl View, proxy: &impl Proxy) {
        let Some(mut keeping) = flight.keeping.take() else {
            return;
        };
        let fits = keeping.begun.as_mut().is_some_and(|(_, body)| body.push(part));
        if !fits {
            return;
        }
        if view.ends() {
            self.keep(&keeping, view, proxy);
        } else {
            flight.keeping = Some(keeping);
        }
    }

    #[inline(never)]
    fn keep(&self, keeping: &Keeping, view: &impl View, proxy: &impl Proxy) {
        let (Some((breaker, keeper)), Some((head, body))) = (self.keeper(keeping), &keeping.begun) else {
            return;
        };
        let Some(body) = body.bytes() else { return };
        let place = keeping.place;
        let kept = proxy.update(keeper.cell(place), |old, new| {
            keeper.store.keep(place, view.now(), head, body, old, new)
        });
        keeper.pace.note(place, view.now());
        if kept == Ok(Kept::Stored) {
            breaker.metrics.count(Metric::StaleStored, proxy);
        }
    }
}
