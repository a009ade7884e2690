use super::*;
use crate::{Axis, Bars, Column, Interval, Lines};

fn interval(median: f64, low: f64, high: f64) -> Interval {
    Interval { median, low, high }
}

fn bars() -> Bars {
    let mut bars = Bars::new("CPU time <over> no filter", Axis::linear("CPU", "us"));
    bars.bar("bare", "rate-limit", interval(2.5, 2.2, 3.0))
        .bar("bare", "native \"trio\" & co", Interval::exact(1.0))
        .bar("proxied", "rate-limit", interval(3.1, -0.4, 4.2));
    bars.note("one run")
}

fn lines() -> Lines {
    let mut lines = Lines::new(
        "Rules",
        Axis::log("rules", ""),
        Axis::linear("instructions", "thousand"),
    );
    lines
        .point("rate-limit", 1.0, Interval::exact(36.0))
        .point("rate-limit", 1000.0, interval(38.0, 37.0, 39.0))
        .point("canary", 0.0, Interval::exact(1.0))
        .point("canary", 10.0, Interval::exact(f64::NAN))
        .point("canary", 100.0, Interval::exact(30.0));
    lines
}

fn page() -> String {
    let mut table = Table::new([Column::left("filter"), Column::right("us")]);
    table.row(["a & b", "2.5"]);
    Page::new("Costs < gains")
        .text("One run.")
        .heading("Charts")
        .chart(bars())
        .chart(lines())
        .table(table)
        .render()
}

/// The page as a tree. A document type is refused otherwise.
fn parsed(html: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        ..Default::default()
    };
    roxmltree::Document::parse_with_options(html, options).unwrap()
}

fn of_class<'a>(tree: &'a roxmltree::Document<'_>, tag: &str, class: &str) -> Vec<roxmltree::Node<'a, 'a>> {
    let has = |node: &roxmltree::Node<'_, '_>| {
        node.attribute("class")
            .is_some_and(|all| all.split(' ').any(|one| one == class))
    };
    let all = tree
        .descendants()
        .filter(|node| node.tag_name().name() == tag && has(node));
    all.collect()
}

#[test]
fn a_page_is_one_well_formed_file_without_scripts_or_links() {
    let html = page();
    let tree = parsed(&html);
    let names: Vec<_> = tree.descendants().map(|node| node.tag_name().name()).collect();
    for outside in ["script", "link", "img", "iframe", "object"] {
        assert!(!names.contains(&outside), "{outside}");
    }
    for node in tree.descendants() {
        for attribute in node.attributes() {
            assert!(
                !matches!(attribute.name(), "href" | "src" | "style"),
                "{attribute:?}"
            );
        }
    }
    assert!(!html.contains("url(") && !html.contains("@import"));
    assert_eq!(names.iter().filter(|name| **name == "svg").count(), 2);
    let title = tree
        .descendants()
        .find(|node| node.tag_name().name() == "h1")
        .unwrap();
    assert_eq!(title.text(), Some("Costs < gains"));
}

#[test]
fn light_and_dark_define_the_same_colours() {
    let (light, dark) = STYLE.split_once("@media (prefers-color-scheme: dark)").unwrap();
    let dark = dark.split_once("body {").unwrap().0;
    for name in ["--paper:", "--ink:", "--soft:", "--grid:"] {
        assert!(light.contains(name) && dark.contains(name), "{name}");
    }
    for index in 0..crate::svg::COLOURS {
        let name = format!("--s{index}:");
        assert!(light.contains(&name) && dark.contains(&name), "{name}");
        assert!(STYLE.contains(&format!(".s{index} {{ fill")), "{index}");
    }
}

#[test]
fn bars_are_as_long_as_their_values() {
    let html = Page::new("").chart(bars()).render();
    let tree = parsed(&html);
    let width = |class: &str, row: usize| -> f64 {
        let bars = of_class(&tree, "rect", class);
        let bars: Vec<_> = bars
            .iter()
            .filter(|bar| bar.children().any(|node| node.is_element()))
            .collect();
        bars[row].attribute("width").unwrap().parse().unwrap()
    };
    assert!((width("s0", 0) / width("s0", 1) - 2.5).abs() < 0.01);
    assert!((width("s1", 0) / width("s0", 1) - 3.1).abs() < 0.01);
    // Two of three values have an uncertainty: a line and two caps each.
    assert_eq!(of_class(&tree, "line", "error").len(), 6);
    let texts: Vec<_> = tree.descendants().filter_map(|node| node.text()).collect();
    for text in [
        "bare, rate-limit: 2.5 us [2.2, 3]",
        "native \"trio\" & co",
        "CPU (us)",
        "proxied",
        "one run",
    ] {
        assert!(texts.contains(&text), "{text}: {texts:?}");
    }
}

#[test]
fn lines_leave_out_what_an_axis_cannot_show() {
    let html = Page::new("").chart(lines()).render();
    let tree = parsed(&html);
    let marks = |class: &str| of_class(&tree, "circle", class).len();
    assert_eq!((marks("s0"), marks("s1")), (2, 1));
    let line = of_class(&tree, "polyline", "s0");
    let points: Vec<f64> = line[0]
        .attribute("points")
        .unwrap()
        .split([' ', ','])
        .map(|number| number.parse().unwrap())
        .collect();
    // From the left edge of the plot to the right one, and higher is up.
    assert_eq!((points[0], points[2]), (90.0, 815.0));
    assert!(points[3] < points[1]);
}

#[test]
fn a_page_of_empty_charts_is_still_a_page() {
    let bars = Bars::new("", Axis::linear("", ""));
    let lines = Lines::new("", Axis::log("", ""), Axis::log("", ""));
    let html = Page::new("")
        .chart(bars)
        .chart(lines)
        .table(Table::default())
        .render();
    assert!(
        parsed(&html)
            .root_element()
            .has_tag_name(("http://www.w3.org/1999/xhtml", "html"))
    );
}

#[test]
fn charts_survive_being_stored() {
    for chart in [
        Chart::from(bars()),
        Chart::from({
            let mut lines = lines();
            // JSON has no NaN.
            lines.series.pop();
            lines
        }),
    ] {
        let text = serde_json::to_string(&chart).unwrap();
        assert_eq!(serde_json::from_str::<Chart>(&text).unwrap(), chart);
    }
}
