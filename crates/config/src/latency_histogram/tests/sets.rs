//! How many sets of labels there can be.

use super::*;

fn labels(fields: &str) -> Labels {
    parsed(&format!(r#"{{"labels":{{{fields}}}}}"#)).labels
}

#[test]
fn each_label_has_a_fixed_number_of_values() {
    for (fields, dimension, size) in [
        (
            r#""route":{"templates":["/a","/b","/c"]}"#,
            Dimension::Route,
            3 + 1,
        ),
        (r#""route":{"name":true,"max":7}"#, Dimension::Route, 7 + 2),
        (r#""method":true"#, Dimension::Method, 10),
        (r#""status_class":true"#, Dimension::Status, 6),
        (r#""grpc_status":true"#, Dimension::Grpc, 18),
        (
            r#""variant":{"header":"x","values":["a","b"]}"#,
            Dimension::Variant,
            2 + 2,
        ),
        (r#""variant":{"header":"x"}"#, Dimension::Variant, 10 + 2),
        (r#""host":["a.example.com","b"]"#, Dimension::Host, 2 + 1),
        (r#""cluster":{"max":1}"#, Dimension::Cluster, 1 + 2),
    ] {
        let labels = labels(fields);
        assert_eq!(labels.size(dimension), size, "{fields}");
        assert_eq!(labels.series(), u64::from(size), "{fields}");
        for other in Dimension::ALL {
            assert_eq!(labels.has(other), other == dimension, "{fields}, {other:?}");
        }
    }
}

#[test]
fn sets_are_the_product_of_values() {
    let some = labels(r#""route":{"templates":["/a","/b","/c"]},"method":true,"status_class":true"#);
    assert_eq!(some.series(), 4 * 10 * 6);
    assert_eq!(some.series_by(&[Dimension::Route, Dimension::Status]), 4 * 6);
    assert_eq!(some.series_by(&[]), 1);
    assert_eq!(labels("").series(), 1);
}

#[test]
fn a_label_is_called_by_its_field_in_configs_and_shorter_in_metrics() {
    assert_eq!(
        Dimension::ALL.map(Dimension::name),
        ["route", "method", "status", "grpc", "variant", "host", "cluster"]
    );
    let fields = Dimension::ALL.map(Dimension::field);
    assert_eq!(
        fields,
        [
            "route",
            "method",
            "status_class",
            "grpc_status",
            "variant",
            "host",
            "cluster"
        ]
    );
    let each = [
        r#""route":{"templates":["/a"]}"#,
        r#""method":true"#,
        r#""status_class":true"#,
        r#""grpc_status":true"#,
        r#""variant":{"header":"x"}"#,
        r#""host":["b"]"#,
        r#""cluster":true"#,
    ];
    for ((dimension, field), label) in Dimension::ALL.into_iter().zip(fields).zip(each) {
        let config = format!(r#"{{"labels":{{{label}}},"quantiles":{{"by":["{field}"]}}}}"#);
        assert_eq!(parsed(&config).quantiles.unwrap().by, [dimension]);
    }
}

#[test]
fn only_open_labels_take_values_from_traffic() {
    let open = labels(r#""route":{"name":true,"max":7},"variant":{"header":"x"},"cluster":{"max":60}"#);
    let closed = labels(
        r#""route":{"templates":["/a"]},"variant":{"header":"x","values":["a"]},"host":["a"],"method":true"#,
    );
    let taken = |labels: &Labels| Dimension::ALL.map(|dimension| labels.dynamic(dimension));
    assert_eq!(
        taken(&open),
        [Some(7), None, None, None, Some(10), None, Some(60)]
    );
    assert_eq!(taken(&closed), [None; 7]);
}
