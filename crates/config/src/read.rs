//! How JSON becomes typed fields while every mistake on the way is noted.
//!
//! A [`Read`] says how a field is read and what comes out. Texts with a syntax of their own implement [`Leaf`]; objects are
//! declared with `object!`, alternatives with `choice!`, closed sets of words with `words!`. The declarations also
//! describe themselves as JSON Schema (feature `schema`).
//!
//! A value that could not be read is left out, as the problem that has been noted refuses the whole config anyway. So no
//! reader stops at the first mistake, as derived `serde` readers would. Functions that are needed for each type take a
//! plain `fn` and are generic over what comes out only, not over the reader: that halves the size of this crate in a .wasm.

use crate::json::Json;
use crate::problem::{Errors, Problems};
use std::borrow::Cow;
use std::marker::PhantomData;

#[macro_use]
mod macros;
mod walk;

/// How something is read from JSON.
pub(crate) trait Read {
    /// What comes out.
    type Out;

    /// `None` means that a problem has been noted.
    fn read(value: &Json, at: &mut Problems) -> Option<Self::Out>;
}

/// A text with a syntax.
pub(crate) trait Leaf {
    /// What comes out.
    type Out;
    /// What the text is and, after a colon, how to write it: `a rate: write ...`.
    const EXPECTED: &'static str;
    /// The same as a regular expression, as far as one can tell.
    #[cfg(feature = "schema")]
    const PATTERN: &'static str;

    fn parse(text: &str) -> Result<Self::Out, Malformed>;
}

/// Why a text is not what it should be.
#[derive(Debug)]
pub(crate) enum Malformed {
    /// [`Leaf::EXPECTED`] says it all.
    Expected,
    /// What to write instead, where that can be said more exactly.
    Fix(Cow<'static, str>),
}

impl Malformed {
    /// What to write instead.
    pub(crate) const fn fix(text: &'static str) -> Self {
        Self::Fix(Cow::Borrowed(text))
    }
}

impl<T: Leaf> Read for T {
    type Out = T::Out;

    fn read(value: &Json, at: &mut Problems) -> Option<T::Out> {
        at.leaf(value, T::EXPECTED, T::parse)
    }
}

impl Read for bool {
    type Out = Self;

    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        if let Json::Bool(value) = value {
            return Some(*value);
        }
        at.wrong(value, "true or false");
        None
    }
}

/// An integer from `MIN` to `MAX`, however it is written: `5`, `5.0`, `5e0`.
pub(crate) struct Int<const MIN: u32, const MAX: u32>;

impl<const MIN: u32, const MAX: u32> Read for Int<MIN, MAX> {
    type Out = u32;

    fn read(value: &Json, at: &mut Problems) -> Option<u32> {
        at.integer(value, MIN, MAX)
    }
}

/// Reads a whole document. Empty bytes are `{}`.
///
/// # Errors
/// Every mistake, each with its path.
pub(crate) fn document<T>(bytes: &[u8], read: fn(&Json, &mut Problems) -> Option<T>) -> Result<T, Errors> {
    let mut at = Problems::default();
    let checked = match Json::parse(bytes) {
        Ok(json) => read(&json, &mut at),
        Err(error) => {
            at.add(["not valid JSON: ", &error.to_string()].concat());
            None
        }
    };
    at.finish(checked)
}

/// Written as `true`, or as `{}` like the pieces that have options: leaving the field out says the opposite.
pub(crate) struct True;

impl Read for True {
    type Out = ();

    fn read(value: &Json, at: &mut Problems) -> Option<()> {
        let options = matches!(value, Json::Object(fields) if fields.is_empty());
        if options || matches!(value, Json::Bool(true)) {
            return Some(());
        }
        at.wrong(value, "true: leave the field out where it does not hold");
        None
    }
}

/// A list, perhaps empty.
pub(crate) struct List<T>(PhantomData<T>);

impl<T: Read> Read for List<T> {
    type Out = Vec<T::Out>;

    fn read(value: &Json, at: &mut Problems) -> Option<Self::Out> {
        at.list(value, T::read)
    }
}

/// A list in which each item keeps its place, also one that could not be read.
pub(crate) struct Each<T>(PhantomData<T>);

impl<T: Read> Read for Each<T> {
    type Out = Vec<Option<T::Out>>;

    fn read(value: &Json, at: &mut Problems) -> Option<Self::Out> {
        at.list(value, |item, at| Some(T::read(item, at)))
    }
}

/// A list of at least one item: an empty one would match nothing, or everything, by a slip.
pub(crate) struct List1<T>(PhantomData<T>);

impl<T: Read> Read for List1<T> {
    type Out = Vec<T::Out>;

    fn read(value: &Json, at: &mut Problems) -> Option<Self::Out> {
        at.not_empty(value)?;
        at.list(value, T::read)
    }
}

/// An object of at least one entry, whose keys are free within the syntax of `K`; no key twice, in whatever spelling.
pub(crate) struct Map<K, V>(PhantomData<(K, V)>);

impl<K: Leaf<Out = String>, V: Read> Read for Map<K, V> {
    type Out = Vec<(String, V::Out)>;

    fn read(value: &Json, at: &mut Problems) -> Option<Self::Out> {
        at.map(value, K::EXPECTED, K::parse, V::read)
    }
}

/// Whether a field must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    Optional,
    /// The same; `null` says as much as leaving the field out.
    Nullable,
    /// Exactly one of the fields so marked must be there.
    Either,
    /// At least one of the fields so marked must be there.
    AnyOf,
}

/// What an object may hold.
pub(crate) struct Shape {
    /// `a limit`.
    pub(crate) what: &'static str,
    pub(crate) fields: &'static [(&'static str, Need)],
    /// Fields that the grammar knows and this version does not support, each with what to do instead.
    pub(crate) later: &'static [(&'static str, &'static str)],
}
