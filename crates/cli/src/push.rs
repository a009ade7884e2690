//! `fairlead push`: the images that `fairlead package` made, to a registry.
//!
//! The work is that of [`fairlead_oci::push`]; here are only the options, a progress bar, and what is printed. Where each
//! image went is written into the record, also of those that arrived before another one failed.

use crate::columns;
use anyhow::{Context as _, Result, bail};
use fairlead_oci::push::{Key, Pushed, Pusher, Signer, Target};
use fairlead_oci::{Image, Layout, Record};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Options of `fairlead push`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Credentials are those of `docker login`: DOCKER_CONFIG or ~/.docker/config.json, and the helpers it names. No option takes any.\n\
    A tag that is there is moved; manifests are to name the digest, which never moves (`fairlead render` writes it).\n\
    Exit status: 0 all images are in the registry as they are here, 1 one is not, 2 the command line is wrong."
)]
pub(crate) struct Args {
    /// The registry and the folder in it: ghcr.io/acme/fairlead
    #[arg(value_name = "REGISTRY/PREFIX")]
    target: String,
    /// The tag [default: the version of the modules]
    #[arg(long)]
    tag: Option<String>,
    /// Only these images, by the names of their files: rate-limit,suite-lean
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    only: Vec<String>,
    /// The OCI image layout
    #[arg(long, value_name = "DIR", default_value = "dist/oci")]
    layout: PathBuf,
    /// The record that `fairlead package` wrote, to which is added where the images went
    #[arg(long, value_name = "FILE", default_value = "dist/images.json")]
    record: PathBuf,
    /// Leave TLS out; a registry on this machine goes without anyway
    #[arg(long)]
    plain_http: bool,
    /// Sign each image with cosign
    #[arg(long)]
    sign: bool,
    /// The key to sign with: a file, or the URI of a key that a service holds (without it cosign signs by identity)
    #[arg(long, value_name = "REF", requires = "sign", allow_hyphen_values = true)]
    key: Option<String>,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Further options for cosign, after --
    #[arg(last = true, value_name = "COSIGN OPTION", requires = "sign")]
    cosign: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut record = Record::read(&args.record).with_context(|| {
        format!(
            "there is nothing to push from {}: `fairlead package`",
            args.layout.display()
        )
    })?;
    let tag = args.tag.clone().unwrap_or_else(|| record.version.clone());
    let target = Target::parse(&args.target, &tag, args.plain_http)?;
    let images = select(&record, &args.only)?;
    let layout = Layout::open(&args.layout).with_context(|| {
        format!(
            "{} is no OCI image layout: `fairlead package`",
            args.layout.display()
        )
    })?;
    let signer = signer(args, &target)?;
    let pusher = Pusher::new(layout, target, tag.clone())?;
    if pusher.shows_credentials() {
        eprintln!("fairlead: without TLS everybody on the way reads the credentials");
    }
    let mut pushed = Vec::new();
    let done = push_all(&pusher, signer.as_ref(), &images, &mut pushed);
    // What has arrived is known, whatever came after it.
    for one in &pushed {
        for image in &mut record.images {
            if image.digest == one.digest && images.iter().any(|it| it.file == image.file) {
                image.reference = Some(one.reference.clone());
            }
        }
    }
    if !pushed.is_empty() {
        record.write(&args.record)?;
        print(args, &tag, &pushed, &mut std::io::stdout().lock())?;
    }
    done.map(|()| ExitCode::SUCCESS)
}

fn push_all(
    pusher: &Pusher,
    signer: Option<&Signer>,
    images: &[Image],
    pushed: &mut Vec<Pushed>,
) -> Result<()> {
    let mut bytes = 0;
    for image in images {
        bytes += pusher.bytes(image)?;
    }
    let bar = ProgressBar::new(bytes);
    if let Ok(style) = ProgressStyle::with_template("push {bar:30} {bytes}/{total_bytes} {elapsed} {msg}") {
        bar.set_style(style);
    }
    for image in images {
        bar.set_message(image.stem().to_owned());
        pushed.push(pusher.push(image, &|bytes| bar.inc(bytes))?);
    }
    bar.finish_and_clear();
    for (signer, one) in signer
        .iter()
        .flat_map(|signer| pushed.iter().map(move |one| (signer, one)))
    {
        signer.sign(&format!("{}@{}", one.reference, one.digest))?;
    }
    Ok(())
}

/// The images of that name, or all.
fn select(record: &Record, only: &[String]) -> Result<Vec<Image>> {
    let stems: Vec<&str> = record.images.iter().map(Image::stem).collect();
    if let Some(unknown) = only.iter().find(|name| !stems.contains(&name.as_str())) {
        bail!("no image is called {unknown}: there are {}", stems.join(", "));
    }
    let wanted = |image: &&Image| only.is_empty() || only.iter().any(|name| name == image.stem());
    Ok(record.images.iter().filter(wanted).cloned().collect())
}

fn signer(args: &Args, target: &Target) -> Result<Option<Signer>> {
    if !args.sign {
        return Ok(None);
    }
    let key = args.key.as_deref().map(Key::parse).transpose()?;
    Ok(Some(Signer::new(key.as_ref(), target.is_plain(), &args.cosign)?))
}

fn print(args: &Args, tag: &str, pushed: &[Pushed], out: &mut impl Write) -> Result<()> {
    if args.json {
        let images: Vec<Value> = pushed.iter().map(|one| one_as_json(one, tag)).collect();
        let text = serde_json::to_string_pretty(&json!({"tag": tag, "images": images}))?;
        writeln!(out, "{text}")?;
        return Ok(());
    }
    let mut rows = vec![columns::row(["image", "sent", "attached", "tag"])];
    for one in pushed {
        let tag = match &one.moved_from {
            Some(from) => format!("{tag}, moved from {from}"),
            None => tag.to_owned(),
        };
        rows.push(columns::row([
            &format!("{}@{}", one.reference, one.digest),
            &one.sent.to_string(),
            &one.attached.len().to_string(),
            &tag,
        ]));
    }
    columns::print(&rows, &[1, 2], out)?;
    Ok(())
}

fn one_as_json(one: &Pushed, tag: &str) -> Value {
    json!({
        "reference": one.reference,
        "digest": one.digest,
        "pinned": format!("{}@{}", one.reference, one.digest),
        "tagged": format!("{}:{tag}", one.reference),
        "moved_from": one.moved_from,
        "sent": one.sent,
        "attached": one.attached,
    })
}
