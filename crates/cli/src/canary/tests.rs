use super::*;
use serde_json::{Value, json};

const USERS: &str = include_str!("../../../../examples/canary/users.txt");
const RAMP: &str = include_str!("../../../../examples/canary/ramp.yaml");

fn checked(policy: &str) -> Canary {
    let file = policy_file::parse(policy).unwrap_or_else(|refused| panic!("{:?}", refused.mistakes));
    match file.filters.into_iter().next().map(|placed| placed.checked) {
        Some(Checked::Canary(canary)) => *canary,
        other => panic!("{other:?}"),
    }
}

fn preview(policy: &str, users: &str, at: Option<&str>) -> Value {
    let canary = checked(policy);
    let at = at.map(|at| timestamp(at).unwrap());
    let mut preview = Preview::new(&canary, at, true);
    for user in users
        .lines()
        .filter_map(|line| users::user(line.as_bytes(), false))
    {
        preview.add(user);
    }
    let mut table = Vec::new();
    print::table(&preview, &mut table).unwrap();
    let mut json = print::json(&preview);
    json["table"] = String::from_utf8_lossy(&table).into();
    json
}

/// Of each row: weight, users, new ones, those who have left, of the variant at this position.
fn tallies(preview: &Value, variant: usize) -> Vec<[u64; 4]> {
    let rows = preview["rows"].as_array().unwrap();
    rows.iter()
        .map(|row| &row["variants"][variant])
        .map(|of| ["weight_ppm", "users", "new", "left"].map(|field| of[field].as_u64().unwrap()))
        .collect()
}

#[test]
fn a_growing_share_takes_users_in_and_sends_nobody_back() {
    let preview = preview(RAMP, USERS, None);
    assert_eq!(
        tallies(&preview, 0),
        [
            [10_000, 3, 3, 0],
            [100_000, 18, 15, 0],
            [250_000, 44, 26, 0],
            [500_000, 95, 51, 0],
            [1_000_000, 200, 105, 0],
        ]
    );
    let rows = &preview["rows"];
    assert_eq!(
        rows[0]["variants"][0]["list"],
        json!(["u-0039", "u-0060", "u-0179"])
    );
    assert_eq!(
        rows[1]["default"],
        json!({"name": "stable", "users": 182, "share": 0.91})
    );
    assert_eq!(rows[1]["begins"], "2026-11-23T09:30:00Z");
    assert_eq!(rows[1]["since_start_ms"], 1_800_000);
    assert_eq!((&rows[1]["step"], &rows[1]["finish"]), (&json!(2), &Value::Null));
    assert_eq!(
        (&rows[4]["step"], &rows[4]["finish"]),
        (&Value::Null, &json!("promoted"))
    );
    assert_eq!(preview["not_covered"], json!([]));
}

/// Two variants, 30 % and 10 % of which the ramp gives a share; users 0 to 999.
const TWO: &str = "
canary:
  release: r1
  variants: [{name: a, weight: 30%}, {name: b, weight: 10%}]
  sticky: {by: [[{header: x-region}, {header: x-user}], {random: true}], salt: s}
  rules: [{match: [{methods: [PUT]}], variant: a}]
  guard: {error_rate: {max: 5%}}
  ramp:
    start: 2026-11-23T09:00:00Z
    steps: [{at: 1h, weight: 40%}, {at: 2h, weight: 80%}, {at: 1d, weight: 20%}]
    pause: 2026-11-23T23:00:00Z
    finish: {at: 2d, as: ended}
";

fn numbered() -> String {
    (0..1000).map(|number| format!("eu|{number}\n")).collect()
}

#[test]
fn variants_share_the_weight_of_a_ramp_as_their_own_weights_are_to_each_other() {
    let preview = preview(TWO, &numbered(), None);
    let weights = |variant| -> Vec<u64> {
        let all = tallies(&preview, variant);
        all.iter().map(|[weight, ..]| *weight).collect()
    };
    assert_eq!(weights(0), [300_000, 600_000, 150_000, 0]);
    assert_eq!(weights(1), [100_000, 200_000, 50_000, 0]);
    for variant in [0, 1] {
        let mut before = 0;
        for [weight, users, new, left] in tallies(&preview, variant) {
            assert!(users.abs_diff(weight / 1000) < 45, "{users} of {weight}");
            assert_eq!(before + new - left, users);
            before = users;
        }
        assert_eq!(before, 0);
    }
    // Nobody moves while the weight grows, and who has to leave when it falls goes to the default variant.
    for variant in [0, 1] {
        let [_, second, third, _] = tallies(&preview, variant)[..] else {
            panic!("four rows")
        };
        assert_eq!((second[3], third[2]), (0, 0));
    }
}

#[test]
fn users_are_placed_by_salt_and_key_as_they_are_written() {
    // mmh3.hash("s" + "eu|1", signed=False) * 1_000_000 >> 32 is 174937; of eu|2 504525, of eu|5 869752, of eu|12 797605.
    // At 40 % the places from 0 to 300000 are those of a, and from 750000 to 850000 those of b.
    let users = "# a comment\n\n  eu|5 \r\neu|1\neu|2\neu|12\n";
    let preview = preview(TWO, users, Some("2026-11-23T10:00:00Z"));
    let variants = &preview["rows"][0]["variants"];
    assert_eq!(variants[0]["list"], json!(["eu|1"]));
    assert_eq!(variants[1]["list"], json!(["eu|12"]));
    assert_eq!(preview["users"], 4);
}

#[test]
fn a_pause_keeps_later_steps_from_beginning() {
    let preview = preview(TWO, "eu|1\n", None);
    let rows = preview["rows"].as_array().unwrap();
    let begins: Vec<&Value> = rows.iter().map(|row| &row["begins"]).collect();
    assert_eq!(
        begins,
        [
            &json!("2026-11-23T10:00:00Z"),
            &json!("2026-11-23T11:00:00Z"),
            &Value::Null,
            &Value::Null
        ]
    );
    let table = preview["table"].as_str().unwrap();
    assert_eq!(table.matches("never (paused)").count(), 2, "{table}");
    assert!(table.contains("paused before its end"), "{table}");
}

#[test]
fn a_moment_has_one_row() {
    for (at, step, weight) in [
        ("2026-11-23T08:59:59Z", Value::Null, 0),
        ("2026-11-23T09:59:59Z", Value::Null, 0),
        ("2026-11-23T10:00:00Z", json!(1), 400_000),
        ("2026-11-23T22:59:59.5Z", json!(2), 800_000),
        ("2030-01-01T00:00:00Z", json!(2), 800_000),
    ] {
        let preview = preview(TWO, "eu|1\n", Some(at));
        let rows = preview["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 1, "{at}");
        assert_eq!(
            (&rows[0]["step"], &rows[0]["weight_ppm"]),
            (&step, &json!(weight)),
            "{at}"
        );
    }
}

#[test]
fn without_a_ramp_there_is_one_row_of_the_weights_as_they_are() {
    let policy = "canary: {release: checkout-2026-11, variants: [{name: a, weight: 0%}, {name: v2, weight: 10%}], sticky: {by: [{header: x-user-id}]}}";
    let preview = preview(policy, USERS, None);
    assert_eq!(tallies(&preview, 0), [[0, 0, 0, 0]]);
    assert_eq!(tallies(&preview, 1), [[100_000, 18, 18, 0]]);
    assert_eq!(preview["rows"][0]["begins"], Value::Null);
}

#[test]
fn what_is_not_covered_is_said_with_what_the_policy_has_of_it() {
    let preview = preview(TWO, "eu|1\n", None);
    assert_eq!(preview["not_covered"], json!(["rules", "guard"]));
    let table = preview["table"].as_str().unwrap();
    assert!(table.contains("this policy has rules, guard."), "{table}");
}

#[test]
fn a_user_is_a_line_that_is_neither_empty_nor_a_comment() {
    for (line, user) in [
        ("alice\n", Some("alice")),
        ("alice\r\n", Some("alice")),
        (" eu|a b\t\n", Some("eu|a b")),
        ("alice", Some("alice")),
        ("\n", None),
        (" \r\n", None),
        ("# alice\n", None),
    ] {
        assert_eq!(
            users::user(line.as_bytes(), false),
            user.map(str::as_bytes),
            "{line:?}"
        );
    }
    assert_eq!(
        users::user("\u{feff}alice\n".as_bytes(), true),
        Some(&b"alice"[..])
    );
    assert_eq!(users::user(b"\xff\n", true), Some(&b"\xff"[..]));
}

fn refused(policy: &str, release: Option<&str>) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(policy.as_bytes()).unwrap();
    let name = file.path().to_string_lossy().into_owned();
    match canary(&name, release) {
        Ok(canary) => canary.release,
        Err(mistakes) => mistakes[0].message.clone(),
    }
}

#[test]
fn a_policy_that_draws_nobody_by_a_key_is_refused() {
    assert_eq!(
        refused("rate_limit: {limits: [{name: a, rate: 1/s}]}", None),
        "holds no canary: write a policy with one, or its WasmPlugin"
    );
    assert_eq!(
        refused("canary: {release: r1, variants: [{name: v2}]}", None),
        "draws each request at random: nobody can say who is in; write a key in sticky.by"
    );
}

#[test]
fn of_several_releases_one_is_chosen() {
    let object = |name: &str| {
        format!(
            "kind: WasmPlugin\nmetadata: {{name: {name}}}\nspec: {{url: 'oci://r/canary:1', pluginConfig: {{release: {name}, variants: [{{name: v2}}], sticky: {{by: [{{header: x-user}}]}}}}}}\n"
        )
    };
    let both = format!("{}---\n{}", object("r1"), object("r2"));
    assert_eq!(
        refused(&both, None),
        "holds 2 canaries (r1, r2): choose one with --release"
    );
    assert_eq!(refused(&both, Some("r2")), "r2");
    assert_eq!(
        refused(&both, Some("r3")),
        "does not hold the release r3, but r1, r2"
    );
    assert_eq!(refused(&object("r1"), None), "r1");
}
