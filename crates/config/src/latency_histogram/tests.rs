use super::*;

mod arbitrary;
mod estimates;
mod mistakes;
mod sets;

fn parsed(config: &str) -> LatencyHistogram {
    parse(config.as_bytes()).unwrap_or_else(|errors| panic!("{config}\n{errors}"))
}

fn share(text: &str) -> Share {
    text.parse().unwrap()
}

#[test]
fn the_documented_example_is_read_field_by_field() {
    let config = parsed(
        r#"{
          "apiVersion": "fairlead.dev/v1",
          "mode": "shadow",
          "match": [{"path": {"prefix": "/api/"}}],
          "labels": {
            "route": {"templates": ["/users/{id}", "/health"]},
            "method": true, "status_class": false, "grpc_status": false,
            "variant": {"header": "X-Canary", "values": ["v2"], "default": "stable"},
            "host": ["api.example.com", "*.shop.example.com"],
            "cluster": {"max": 2}
          },
          "phases": ["filter", "total"],
          "unit": "us",
          "envoy_histogram": false,
          "buckets": ["250us", "5ms", "1s"],
          "exclude": {"grpc_streams": true, "websockets": true, "client_aborts": true, "health_checks": true,
            "match": [{"path": {"exact": "/ready"}}]},
          "slos": [{"name": "checkout", "match": [{"methods": ["POST"]}], "threshold": "500ms", "objective": "95%",
            "phase": "filter", "failures": "bad"}],
          "quantiles": {"of": ["50%", "p99.9"], "window": "5m", "by": ["variant", "route"], "phase": "total", "scale": -1},
          "sizes": {"request": true},
          "access_log": {"sample": "1%", "slow_above": "2s", "failed": false, "max_per_second": 7, "format": "json"},
          "on_invalid_config": "pass"
        }"#,
    );
    assert_eq!(
        (config.mode, config.on_invalid_config),
        (Mode::Shadow, OnInvalidConfig::Pass)
    );
    assert_eq!(config.matches.len(), 1);
    let labels = &config.labels;
    let Some(RouteLabel::Templates(templates)) = &labels.route else {
        panic!("templates")
    };
    assert_eq!(
        templates.iter().map(Template::as_str).collect::<Vec<_>>(),
        ["/users/{id}", "/health"]
    );
    assert!(labels.method && !labels.status_class && !labels.grpc_status);
    assert_eq!(
        labels.variant,
        Some(VariantLabel {
            from: HeaderMap::Request,
            header: "x-canary".to_owned(),
            values: vec!["v2".to_owned()],
            default: "stable".to_owned(),
            max: DEFAULT_VARIANTS,
        })
    );
    assert_eq!((labels.hosts.len(), labels.cluster), (2, Some(2)));
    assert_eq!(config.phases, [Phase::Total, Phase::FirstByte]);
    assert_eq!((config.unit, config.envoy_histogram), (Unit::Micros, false));
    assert_eq!(config.buckets, [250, 5000, 1_000_000]);
    let exclude = &config.exclude;
    assert!(exclude.grpc_streams && exclude.websockets && exclude.client_aborts && exclude.health_checks);
    assert_eq!(exclude.matches.len(), 1);
    let [slo] = &config.slos[..] else {
        panic!("an objective")
    };
    assert_eq!((slo.name.as_str(), slo.matches.len()), ("checkout", 1));
    assert_eq!(
        (slo.threshold, slo.objective),
        (Duration::from_millis(500), share("95%"))
    );
    assert_eq!((slo.phase, slo.failures), (Phase::FirstByte, Failures::Bad));
    assert_eq!(
        config.quantiles,
        Some(Quantiles {
            of: vec![share("50%"), share("99.9%")],
            window: Duration::from_secs(300),
            by: vec![Dimension::Route, Dimension::Variant],
            phase: Phase::Total,
            scale: Scale::new(-1).unwrap(),
        })
    );
    assert_eq!(
        config.sizes,
        Sizes {
            request: true,
            response: false
        }
    );
    assert_eq!(
        config.access_log,
        Some(AccessLog {
            sample: share("1%"),
            slow_above: Some(Duration::from_secs(2)),
            failed: false,
            max_per_second: 7,
        })
    );
}

#[test]
fn what_is_not_written_has_its_default() {
    for config in ["", "{}"] {
        let config = parsed(config);
        assert_eq!(config.mode, Mode::Enforce);
        assert_eq!(
            config.labels,
            Labels {
                status_class: true,
                ..Labels::default()
            }
        );
        assert_eq!(config.phases, [Phase::Total]);
        assert_eq!((config.unit, config.envoy_histogram), (Unit::Millis, true));
        assert!(config.buckets.is_empty() && config.slos.is_empty() && config.matches.is_empty());
        assert_eq!(
            (config.exclude, config.sizes),
            (Exclude::default(), Sizes::default())
        );
        assert_eq!((config.quantiles, config.access_log), (None, None));
    }
    let config = parsed(
        r#"{"labels":{},"slos":[{"name":"a","threshold":"24h","objective":"99.9999%"}],"quantiles":{},"access_log":{}}"#,
    );
    assert_eq!(config.labels, Labels::default());
    assert_eq!(
        (config.slos[0].phase, config.slos[0].failures),
        (Phase::Total, Failures::Count)
    );
    assert_eq!(
        config.quantiles,
        Some(Quantiles {
            of: ["50%", "95%", "99%"].map(share).into(),
            window: Duration::from_secs(60),
            by: Vec::new(),
            phase: Phase::Total,
            scale: Scale::DEFAULT,
        })
    );
    let log = config.access_log.unwrap();
    assert_eq!((log.sample, log.slow_above), (Share::NONE, None));
    assert!(log.failed && log.max_per_second == DEFAULT_LINES);
}

#[test]
fn labels_from_traffic_have_a_bound() {
    let config = parsed(
        r#"{"labels":{"route":{"name":true},"variant":{"response_header":"X-Version"},"method":false}}"#,
    );
    assert_eq!(config.labels.route, Some(RouteLabel::Name { max: DEFAULT_MAX }));
    assert_eq!(
        config.labels.variant,
        Some(VariantLabel {
            from: HeaderMap::Response,
            header: "x-version".to_owned(),
            values: Vec::new(),
            default: "none".to_owned(),
            max: DEFAULT_VARIANTS,
        })
    );
    let labels = parsed(r#"{"labels":{"route":{"name":true,"max":5},"cluster":{}}}"#).labels;
    assert_eq!(labels.route, Some(RouteLabel::Name { max: 5 }));
    assert_eq!(labels.cluster, Some(DEFAULT_MAX));
    assert_eq!(
        parsed(r#"{"labels":{"cluster":true}}"#).labels.cluster,
        Some(DEFAULT_MAX)
    );
}

#[test]
fn exponential_buckets_cover_the_range_that_is_asked_for() {
    let bounds = |config: &str| parsed(&format!(r#"{{"buckets":{config}}}"#)).buckets;
    assert_eq!(
        bounds(r#"{"scale":0,"from":"1ms","to":"8ms"}"#),
        [512, 1024, 2048, 4096, 8192]
    );
    assert_eq!(bounds(r#"{"scale":-1,"from":"1us","to":"16us"}"#), [1, 4, 16]);
    let fine = bounds(r#"{"from":"1ms","to":"10s"}"#);
    assert!(fine[0] <= 1000 && fine[fine.len() - 1] >= 10_000_000 && fine.is_sorted());
    assert_eq!(
        fine,
        bounds(r#"{"scale":3,"from":"1ms","to":"10s"}"#),
        "the scale is 3 unless it is said"
    );
}

#[test]
fn quantiles_have_names_without_dots() {
    for (share, label) in [
        ("50%", "p50"),
        ("95%", "p95"),
        ("99.9%", "p99_9"),
        ("99.99%", "p99_99"),
        ("99.9999%", "p99_9999"),
        ("0.5%", "p0_5"),
        ("0.0001%", "p0_0001"),
    ] {
        assert_eq!(quantile_label(share.parse().unwrap()), label);
    }
}

#[test]
fn phases_are_named_in_metrics_and_in_configs() {
    assert_eq!(Phase::ALL.map(Phase::name), ["request", "upstream", "first_byte"]);
    let config = parsed(r#"{"phases":["filter","upstream","total"]}"#);
    assert_eq!(config.phases, Phase::ALL);
    assert_eq!(Phase::ALL.map(Phase::written), ["total", "upstream", "filter"]);
}
