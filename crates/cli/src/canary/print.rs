//! A preview for people and for machines.

use super::preview::{Preview, Row, Tally};
use crate::lossless;
use crate::phase::word;
use crate::time::rfc3339;
use crate::{columns, percent};
use fairlead_config::Mode;
use fairlead_config::canary::{Canary, Variant};
use fairlead_rollout::draw::Hash;
use fairlead_rollout::{Share, Standing};
use serde_json::{Map, Value, json};
use std::io::{Result, Write};

/// A table, then the users of each variant if they are to be named, then what is not covered.
pub(super) fn table(preview: &Preview<'_>, out: &mut impl Write) -> Result<()> {
    let canary = preview.canary;
    let plural = if preview.users == 1 { "" } else { "s" };
    writeln!(
        out,
        "release {}: {} user{plural}, drawn by {}",
        canary.release,
        preview.users,
        hash(canary.sticky.hash)
    )?;
    if let Some(at) = preview.at {
        writeln!(out, "at {}", rfc3339(at))?;
    }
    writeln!(out)?;
    columns(preview, out)?;
    writeln!(out)?;
    for row in &preview.rows {
        for (index, (variant, tally)) in canary.variants.iter().zip(&row.tallies).enumerate() {
            let Some(names) = preview.names(row, index) else {
                continue;
            };
            writeln!(out, "{}{} ({}):", heading(row), variant.name, tally.users)?;
            for name in names {
                out.write_all(b"  ")?;
                out.write_all(name)?;
                out.write_all(b"\n")?;
            }
            writeln!(out)?;
        }
    }
    for note in notes(preview) {
        writeln!(out, "{note}")?;
    }
    Ok(())
}

fn columns(preview: &Preview<'_>, out: &mut impl Write) -> Result<()> {
    let has_steps = preview.canary.ramp.is_some();
    let has_many = preview.rows.len() > 1;
    let has_left = preview
        .rows
        .iter()
        .flat_map(|row| &row.tallies)
        .any(|tally| tally.left > 0);
    // Each column with whether it is there and whether its cells stand on the right.
    let shape = [
        ("step", has_steps, false),
        ("begins", has_steps, false),
        ("since start", has_steps, true),
        ("variant", true, false),
        ("weight", true, true),
        ("users", true, true),
        ("share", true, true),
        ("new", has_many, true),
        ("left", has_many && has_left, true),
    ];
    let shown = |cells: Vec<String>| -> Vec<String> {
        let cells = cells.into_iter().zip(&shape);
        cells
            .filter(|(_, (_, is_there, _))| *is_there)
            .map(|(cell, _)| cell)
            .collect()
    };
    let mut rows = vec![shown(
        shape.iter().map(|(title, _, _)| (*title).to_owned()).collect(),
    )];
    for row in &preview.rows {
        for (index, ((variant, weight), tally)) in preview
            .canary
            .variants
            .iter()
            .zip(row.weights())
            .zip(&row.tallies)
            .enumerate()
        {
            let [step, begins, since] = if index == 0 { when(row) } else { Default::default() };
            let Tally { users, new, left } = tally;
            rows.push(shown(vec![
                step,
                begins,
                since,
                variant.name.clone(),
                percent::weight(weight),
                users.to_string(),
                percent::of(*users, preview.users),
                new.to_string(),
                left.to_string(),
            ]));
        }
    }
    let right: Vec<usize> = shape
        .iter()
        .filter(|(_, is_there, _)| *is_there)
        .enumerate()
        .filter_map(|(index, (_, _, is_right))| is_right.then_some(index))
        .collect();
    columns::print(&rows, &right, out)
}

/// Step, begin, and time since the start.
fn when(row: &Row) -> [String; 3] {
    let Some(phase) = &row.phase else {
        return Default::default();
    };
    let since = phase
        .begins
        .map(|(_, since)| humantime::format_duration(since).to_string());
    [phase.name(), phase.begins_at(), since.unwrap_or_default()]
}

/// What goes before a variant's name where its users are named.
fn heading(row: &Row) -> String {
    let Some(phase) = &row.phase else {
        return String::new();
    };
    match phase.standing {
        Standing::Step(_) => format!("step {}, ", phase.name()),
        _ => format!("{}, ", phase.name()),
    }
}

fn notes(preview: &Preview<'_>) -> Vec<String> {
    let canary = preview.canary;
    let mut notes = vec![format!("Everyone else has {}.", canary.default.name)];
    if preview
        .rows
        .iter()
        .any(|row| row.phase.is_some_and(|phase| !phase.is_reached))
    {
        notes.push("The ramp is paused before its end: later steps do not begin.".to_owned());
    }
    match canary.mode {
        Mode::Enforce => {}
        Mode::Shadow => {
            notes.push("The policy is in shadow mode: this is counted, and nobody is routed.".to_owned())
        }
        Mode::Off => notes.push("The policy is off: this is who would be drawn.".to_owned()),
    }
    let there = not_covered(canary);
    let there = if there.is_empty() {
        "this policy has none of them".to_owned()
    } else {
        format!("this policy has {}", there.join(", "))
    };
    notes.push(format!(
        "Not covered: match, force, rules, cookies, traces and the guard, which come before the draw or take a variant out; {there}."
    ));
    notes
}

/// The fields of the policy that can give a user another variant than the draw.
fn not_covered(canary: &Canary) -> Vec<&'static str> {
    let all = [
        ("match", !canary.matches.is_empty()),
        ("force", canary.force.is_some()),
        ("rules", !canary.rules.is_empty()),
        ("sticky.cookie", canary.sticky.cookie.is_some()),
        ("propagate.trace", canary.propagate.trace.is_some()),
        ("guard", canary.guard.is_some()),
    ];
    all.into_iter()
        .filter_map(|(field, is_there)| is_there.then_some(field))
        .collect()
}

/// The document: as the table, with numbers. The salt, which may be a secret, is not in it.
pub(super) fn json(preview: &Preview<'_>) -> Value {
    let canary = preview.canary;
    json!({
        "release": canary.release,
        "mode": match canary.mode { Mode::Off => "off", Mode::Shadow => "shadow", Mode::Enforce => "enforce" },
        "hash": hash(canary.sticky.hash),
        "at": preview.at.map(rfc3339),
        "users": preview.users,
        "rows": preview.rows.iter().map(|row| row_json(preview, row)).collect::<Vec<_>>(),
        "not_covered": not_covered(canary),
    })
}

fn row_json(preview: &Preview<'_>, row: &Row) -> Value {
    let canary = preview.canary;
    let (step, finish) = match row.phase.map(|phase| phase.standing) {
        None | Some(Standing::Ahead) => (None, None),
        Some(Standing::Step(index)) => (Some(index.saturating_add(1)), None),
        Some(Standing::Finished(finish)) => (None, Some(word(finish))),
    };
    let reached = row
        .phase
        .filter(|phase| phase.is_reached)
        .and_then(|phase| phase.begins);
    let since = row.phase.and_then(|phase| phase.begins).map(|(_, since)| since);
    let variants = canary.variants.iter().zip(row.weights()).zip(&row.tallies);
    let variants: Vec<Value> = variants
        .enumerate()
        .map(|(index, ((variant, weight), tally))| {
            let mut fields = variant_json(variant, weight, *tally, preview.users);
            if let Some(names) = preview.names(row, index) {
                fields.insert("list".to_owned(), names.map(lossless::json).collect());
            }
            Value::Object(fields)
        })
        .collect();
    let others = preview.users.saturating_sub(row.drawn());
    json!({
        "step": step,
        "finish": finish,
        "begins": reached.map(|(begins, _)| rfc3339(begins)),
        "since_start_ms": since.map(|since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
        "weight_ppm": row.weight.ppm(),
        "variants": variants,
        "default": { "name": canary.default.name, "users": others, "share": share(others, preview.users) },
    })
}

fn variant_json(variant: &Variant, weight: Share, tally: Tally, all: u64) -> Map<String, Value> {
    let Tally { users, new, left } = tally;
    [
        ("name", json!(variant.name)),
        ("weight_ppm", json!(weight.ppm())),
        ("users", json!(users)),
        ("share", json!(share(users, all))),
        ("new", json!(new)),
        ("left", json!(left)),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

fn share(part: u64, all: u64) -> f64 {
    part as f64 / all as f64
}

const fn hash(hash: Hash) -> &'static str {
    match hash {
        Hash::Murmur3 => "murmur3",
        Hash::Sha256Percent => "sha256_percent",
    }
}
