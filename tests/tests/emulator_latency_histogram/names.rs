//! What labels make of bytes: each value is told apart as far as it may be, and none breaks out of its label.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_emulator::{Request, Response};
use serde_json::json;

use crate::rig::{
    BUCKET, MICROS, MS, NAME, PLUGIN, admitted, ask, begin, counts, full, parts, series, settle, sum, total,
    version,
};

/// Bytes that try to be something else in a metric's name, in Prometheus or in the log.
fn hostile() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = (0..=0xff_u8).map(|byte| vec![byte]).collect();
    all.extend((0..=0xff_u8).map(|byte| [b"a", &[byte][..], b"b"].concat()));
    let texts = [
        "",
        "_other",
        "none",
        "stable",
        ";.",
        "a;.b",
        "cache.x.",
        "a.cache.b.c",
        "x.component.other.y",
        "tag.z;.",
        "wasm_filter.rate_limit.",
        ".tag.a.tag.b",
        "v1,status=5xx",
        "a=b",
        "\"} 1\nfairlead_x{a=\"",
        "\\",
        "#",
        "{}",
        "%00",
        "\u{1f980}\u{202e}",
        "..",
        ".",
        "fairlead_latency_histogram_request_duration_microseconds",
    ];
    all.extend(texts.iter().map(|text| text.as_bytes().to_vec()));
    all.extend([
        vec![b'x'; 64],
        vec![b'x'; 65],
        vec![b'.'; 70_000],
        vec![0xff; 70_000],
    ]);
    all
}

/// What Istio's patterns, which are not anchored, make of a name: the first match of each label, and its end.
fn cut<'n>(name: &'n str, begins: &str, ends: &str) -> Option<&'n str> {
    let rest = &name[name.find(begins)? + begins.len()..];
    // At least one character belongs to the value.
    let first = rest.chars().next()?.len_utf8();
    Some(&rest[..first + rest[first..].find(ends)?])
}

#[test]
fn no_bytes_of_any_label_break_out_of_it() {
    let mut config = full();
    let label = |max: u32| json!({"max": max});
    config["labels"] = json!({"variant": {"response_header": "x-version", "max": 900}});
    let by_response = config.clone();
    config["labels"]["variant"] = json!({"header": "x-version", "max": 900});
    let by_request = config.clone();
    config["labels"] = json!({"cluster": label(900)});
    config["quantiles"]["by"] = json!([]);
    let by_cluster = config.clone();
    config["labels"] = json!({"route": {"name": true, "max": 900}});
    let by_route = config;
    for (name, log, config) in [
        ("variant", "variant/x-version", by_request),
        ("variant", "variant/x-version", by_response),
        ("cluster", "cluster/cluster_name", by_cluster),
        ("route", "route/route_name", by_route),
    ] {
        let Some(mut proxy) = begin(2, &config) else {
            return;
        };
        let all = hostile();
        let request = |bytes: &Vec<u8>| {
            let text = String::from_utf8_lossy(bytes);
            let response = Response::new(200).header("x-version", bytes).after(MS);
            version(Request::get("/"), bytes)
                .cluster(text.clone())
                .route(text)
                .upstream(response)
        };
        ask(&mut proxy, all.iter().map(request));
        settle(&mut proxy);
        assert_eq!(total(&proxy, MICROS), all.len() as u64, "{name}");
        assert_eq!(sum(&proxy, BUCKET, "+Inf"), all.len() as u64, "{name}");
        let known = admitted(&proxy, log);
        assert!(known.len() > 80, "{name}: {} values", known.len());
        assert_eq!(known.iter().collect::<BTreeSet<_>>().len(), known.len());
        let metrics = proxy.metrics();
        let (counters, gauges) = (metrics.counters.keys(), metrics.gauges.keys());
        for full in counters.chain(gauges).chain(metrics.histograms.keys()) {
            assert!(full.bytes().all(|byte| byte.is_ascii_graphic()), "{full}");
            assert_eq!(cut(full, "wasm_filter.", "."), Some(NAME), "{full}");
            assert_eq!(cut(full, "component.", "."), Some(PLUGIN), "{full}");
            let (tag, cache, _) = parts(full).unwrap_or_else(|| panic!("{full}"));
            assert_eq!(cut(full, "tag.", ";.").unwrap_or_default(), tag, "{full}");
            assert_eq!(cut(full, "cache.", ".").unwrap_or_default(), cache, "{full}");
            let Some(value) = tag.strip_prefix(&format!("{name}=")) else {
                assert!(["", "time", "strict", "served"].contains(&tag), "{full}");
                continue;
            };
            assert!((1..=64).contains(&value.len()), "{full}");
            assert!(!value.contains([',', ';', '=', '"', '\\']), "{full}");
        }
    }
}

#[test]
fn listed_values_are_told_by_every_byte_and_all_others_are_one() {
    let config = json!({"unit": "us", "labels": {
        "variant": {"header": "x-version", "values": ["v2", "V3"], "default": "stable"},
        "method": true,
    }});
    let Some(mut proxy) = begin(1, &config) else {
        return;
    };
    let all = hostile();
    ask(
        &mut proxy,
        all.iter().map(|bytes| version(Request::get("/"), bytes)),
    );
    ask(
        &mut proxy,
        all.iter()
            .map(|bytes| version(Request::new(bytes, "/"), "v2 ").header("x-version", "v2")),
    );
    ask(
        &mut proxy,
        ["v2", "V3", "v3", "V2", "v2,V3"].map(|value| version(Request::get("/"), value)),
    );
    ask(&mut proxy, [Request::get("/"), Request::new("get", "/")]);
    let other = all.len() as u64;
    assert_eq!(
        counts(&proxy, MICROS),
        BTreeMap::from([
            ("method=GET,variant=_other".to_owned(), other + 3),
            ("method=_OTHER,variant=_other".to_owned(), other),
            ("method=GET,variant=v2".to_owned(), 1),
            ("method=GET,variant=V3".to_owned(), 1),
            ("method=GET,variant=stable".to_owned(), 1),
            ("method=_OTHER,variant=stable".to_owned(), 1),
        ])
    );
}

#[test]
fn what_the_config_names_is_told_apart_however_long_and_whatever_else_is_said() {
    let long = "/v1.2/organizations/{organization}/projects/{project}/environments/{environment}";
    let deploy = format!("{long}/deploy");
    let config = json!({
        "unit": "us",
        "labels": {"route": {"templates": [long, deploy]}, "variant": {"header": "x-version", "max": 3}},
        "quantiles": {"of": ["50%"], "window": "60s", "by": ["route", "variant"]},
    });
    let Some(mut proxy) = begin(1, &config) else {
        return;
    };
    let path = "/v1.2/organizations/1/projects/2/environments/3";
    // What looks like the beginning of another label changes nothing but itself.
    for (path, value) in [
        (path.to_owned(), "tag.v2"),
        (format!("{path}/deploy"), "v1.cache.x"),
    ] {
        ask(&mut proxy, vec![version(Request::get(path), value); 2]);
    }
    settle(&mut proxy);
    let expected = BTreeMap::from([
        (format!("route={long},variant=tag_v2"), 2),
        (format!("route={deploy},variant=v1.cache_x"), 2),
    ]);
    assert_eq!(counts(&proxy, MICROS), expected);
    assert_eq!(series(&proxy, "window_requests", ""), expected);
}
