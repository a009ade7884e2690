//! `fairlead package`: modules as OCI images in a folder, with what they are made of and how they were made.
//!
//! The work is that of [`fairlead_oci`]; here are only the options, and what is printed. What this does not do: build the
//! modules, or bring them anywhere (`fairlead push`).

use crate::columns;
use anyhow::{Context as _, Result, bail};
use fairlead_oci::{Packaged, Record, Request, SbomFrom, Source, package};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where modules are when none is named.
const MODULES: &str = "dist";

/// Options of `fairlead package`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Each module becomes one image, named after its file: dist/rate-limit-lean.wasm as rate-limit-lean. The same modules, \
    version and commit give the same digests on every machine; SOURCE_DATE_EPOCH sets the time that images say they are of \
    (1970 without it).\n\
    Exit status: 0 done, 1 a module cannot be packaged or something cannot be read or written, 2 the command line is wrong."
)]
pub(crate) struct Args {
    /// The modules [default: all of dist/*.wasm]
    #[arg(value_name = "MODULE.wasm")]
    modules: Vec<PathBuf>,
    /// The OCI image layout to write; one that is there is replaced
    #[arg(long, value_name = "DIR", default_value = "dist/oci")]
    out: PathBuf,
    /// The record to write, which `push` and `render` read
    #[arg(long, value_name = "FILE", default_value = "dist/images.json")]
    record: PathBuf,
    /// The folder of the source that the modules were built from
    #[arg(long, value_name = "DIR", default_value = ".")]
    source: PathBuf,
    /// The commit that they were built from [default: HEAD of --source, if nothing is changed there]
    #[arg(long, value_name = "SHA")]
    revision: Option<String>,
    /// Where the list of what is in a module comes from: `source` (cargo is asked), `none`, or a folder with
    /// MODULE.cdx.json
    #[arg(long, value_name = "source|none|DIR", default_value = "source")]
    sbom: String,
    /// Also write the attached documents (MODULE.cdx.json, MODULE.intoto.json) into this folder
    #[arg(long, value_name = "DIR")]
    documents: Option<PathBuf>,
    /// Where the source is for everybody
    #[arg(long, value_name = "URL", default_value = env!("CARGO_PKG_REPOSITORY"))]
    source_url: String,
    /// An annotation of the images, in place of one that would be there; without a value that one is left out
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = annotation)]
    annotations: Vec<(String, String)>,
    /// Print the record instead of a table
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let modules = match args.modules.as_slice() {
        [] => all(Path::new(MODULES))?,
        some => some.to_vec(),
    };
    let source = Source::at(&args.source, args.revision.clone())?;
    let earlier = args.record.is_file().then(|| Record::read(&args.record));
    // One that cannot be read is replaced.
    let earlier = earlier.and_then(Result::ok);
    let sbom = match args.sbom.as_str() {
        "source" => SbomFrom::Source,
        "none" => SbomFrom::Nowhere,
        folder => SbomFrom::Folder(folder.into()),
    };
    let annotations: BTreeMap<String, String> = args.annotations.iter().cloned().collect();
    let made = package(&Request {
        modules: &modules,
        out: &args.out,
        source: &source,
        url: &args.source_url,
        version: env!("CARGO_PKG_VERSION"),
        created: created()?,
        annotations: &annotations,
        sbom: &sbom,
        documents: args.documents.as_deref(),
        earlier: earlier.as_ref(),
    })?;
    made.record.write(&args.record)?;
    print(args, &source, &made, &mut std::io::stdout().lock())?;
    Ok(ExitCode::SUCCESS)
}

/// The modules of a folder.
fn all(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map(|entries| entries.filter_map(Result::ok).collect());
    let entries: Vec<std::fs::DirEntry> = entries.unwrap_or_default();
    let mut modules: Vec<PathBuf> = (entries.into_iter().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .collect();
    modules.sort();
    if modules.is_empty() {
        bail!(
            "there is no module in {}: build them with `cargo xtask build`, or name the files",
            folder.display()
        );
    }
    Ok(modules)
}

/// The time that images say they are of, in seconds since 1970: <https://reproducible-builds.org/specs/source-date-epoch>.
fn created() -> Result<u64> {
    match std::env::var_os("SOURCE_DATE_EPOCH") {
        None => Ok(0),
        Some(text) => (text.to_str().and_then(|text| text.parse().ok()))
            .with_context(|| format!("SOURCE_DATE_EPOCH is {}, not seconds since 1970", text.display())),
    }
}

fn annotation(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

fn print(args: &Args, source: &Source, made: &Packaged, out: &mut impl Write) -> Result<()> {
    if source.changed {
        eprintln!(
            "fairlead: {} has changes that are in no commit, so the images name none: commit them, or give --revision",
            args.source.display()
        );
    }
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&json!(made.record))?)?;
        return Ok(());
    }
    let mut rows = vec![columns::row(["image", "bytes", "fetched", "left out", "digest"])];
    for (image, fetched) in made.record.images.iter().zip(&made.fetched) {
        rows.push(columns::row([
            image.stem(),
            &image.bytes.to_string(),
            &fetched.to_string(),
            &image.left_out.join(", "),
            image.digest.as_str(),
        ]));
    }
    columns::print(&rows, &[1, 2], out)?;
    let revision = made.record.revision.as_deref().unwrap_or("none");
    writeln!(
        out,
        "\nversion {}, commit {revision}, {} documents attached; layout in {}, record in {}",
        made.record.version,
        made.attached,
        args.out.display(),
        args.record.display()
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_has_a_key_and_may_be_without_a_value() {
        assert_eq!(annotation("a=b=c").unwrap(), ("a".into(), "b=c".into()));
        assert_eq!(annotation("a=").unwrap(), ("a".into(), String::new()));
        assert!(annotation("a").is_err() && annotation("=b").is_err());
    }

    #[test]
    fn a_folder_without_modules_says_how_to_build_them() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.txt"), "").unwrap();
        let refused = all(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("cargo xtask build"), "{refused}");
        std::fs::write(folder.path().join("b.wasm"), "").unwrap();
        std::fs::write(folder.path().join("a.wasm"), "").unwrap();
        let names: Vec<_> = (all(folder.path()).unwrap().iter())
            .map(|path| path.file_name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["a.wasm", "b.wasm"]);
    }
}
