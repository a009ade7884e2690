//! The declarations that reading and JSON Schema are made from.

/// Declares an object: a struct of optional fields, its [`super::Read`], and its JSON Schema.
///
/// ```text
/// object! {
///     /// What it is, as the schema says it.
///     struct XFields, "an x" {
///         /// What the field is.
///         "json_name" Required rust_name: Reader;
///         "other" Optional other: Reader = "default, as JSON";
///         "null" Nullable null: Reader;    // optional, and perhaps null
///         "this" Either this: Reader;      // exactly one of the fields so marked
///         "that" AnyOf that: Reader;       // at least one of the fields so marked
///     }
///     later { "name" => "what to do instead, as this version does not have it"; }
/// }
/// ```
/// A field is `None` if it is absent or could not be read; in the second case a problem has been noted.
macro_rules! object {
    (
        $(#[doc = $doc:literal])*
        struct $name:ident, $what:literal {
            $(
                $(#[doc = $field_doc:literal])*
                $key:literal $need:ident $field:ident : $reader:ty $(= $default:tt)?;
            )*
        }
        $(later { $($later:literal => $why:literal;)* })?
    ) => {
        $(#[doc = $doc])*
        pub(crate) struct $name {
            $($(#[doc = $field_doc])* pub(crate) $field: Option<<$reader as $crate::read::Read>::Out>,)*
        }

        impl $crate::read::Read for $name {
            type Out = Self;

            #[inline(never)] // One function for all readers would cost a proxy megabytes to compile: docs/adr/0007.
            fn read(value: &$crate::json::Json, at: &mut $crate::problem::Problems) -> Option<Self> {
                const SHAPE: $crate::read::Shape = $crate::read::Shape {
                    what: $what,
                    fields: &[$(($key, $crate::read::Need::$need)),*],
                    later: &[$($(($later, $why)),*)?],
                };
                let fields = at.object(value, &SHAPE)?;
                Some(Self { $($field: at.field(fields, $key, <$reader as $crate::read::Read>::read)),* })
            }
        }

        #[cfg(feature = "schema")]
        impl $crate::schema::Describe for $name {
            fn describe(definitions: &mut $crate::schema::Definitions) -> serde_json::Value {
                definitions.object(stringify!($name), &[$($doc),*], |definitions, object| {
                    $(object.field(
                        $key,
                        $crate::read::Need::$need,
                        &[$($field_doc),*],
                        <$reader as $crate::schema::Describe>::describe(definitions),
                        [$(serde_json::json!($default))?].into_iter().next(),
                    );)*
                })
            }
        }
    };
}

/// Declares an object of exactly one field, each making a value of the same type: its [`super::Read`] and JSON Schema.
///
/// Fields under `beside` may stand next to it. They are only checked to be known; whoever wants one reads it.
macro_rules! choice {
    (
        $(#[doc = $doc:literal])*
        $name:ident => $out:ty, $what:literal {
            $(
                $(#[doc = $field_doc:literal])*
                $key:literal $reader:ty => $make:expr;
            )*
        }
        $(beside { $($(#[doc = $beside_doc:literal])* $beside:literal $beside_reader:ty;)* })?
    ) => {
        $(#[doc = $doc])*
        pub(crate) struct $name;

        impl $crate::read::Read for $name {
            type Out = $out;

            #[inline(never)] // One function for all readers would cost a proxy megabytes to compile: docs/adr/0007.
            fn read(value: &$crate::json::Json, at: &mut $crate::problem::Problems) -> Option<$out> {
                const SHAPE: $crate::read::Shape = $crate::read::Shape {
                    what: $what,
                    fields: &[
                        $(($key, $crate::read::Need::Either),)*
                        $($(($beside, $crate::read::Need::Optional)),*)?
                    ],
                    later: &[],
                };
                let fields = at.object(value, &SHAPE)?;
                let mut out = None;
                $(
                    if let Some(read) = at.field(fields, $key, <$reader as $crate::read::Read>::read) {
                        out = Some($make(read));
                    }
                )*
                out
            }
        }

        #[cfg(feature = "schema")]
        impl $crate::schema::Describe for $name {
            fn describe(definitions: &mut $crate::schema::Definitions) -> serde_json::Value {
                definitions.object(stringify!($name), &[$($doc),*], |definitions, object| {
                    $(object.field(
                        $key,
                        $crate::read::Need::Either,
                        &[$($field_doc),*],
                        <$reader as $crate::schema::Describe>::describe(definitions),
                        None,
                    );)*
                    $($(object.field(
                        $beside,
                        $crate::read::Need::Optional,
                        &[$($beside_doc),*],
                        <$beside_reader as $crate::schema::Describe>::describe(definitions),
                        None,
                    );)*)?
                })
            }
        }
    };
}

/// Declares the words of a closed set: [`super::Read`] and JSON Schema of an existing type.
macro_rules! words {
    (
        $name:ty, $what:literal {
            $($(#[doc = $doc:literal])* $word:literal => $value:expr;)*
        }
        $(later { $($later:literal => $why:literal;)* })?
    ) => {
        impl $crate::read::Read for $name {
            type Out = Self;

            #[inline(never)] // One function for all readers would cost a proxy megabytes to compile: docs/adr/0007.
            fn read(value: &$crate::json::Json, at: &mut $crate::problem::Problems) -> Option<Self> {
                let index = at.word(value, $what, &[$($word),*], &[$($(($later, $why)),*)?])?;
                [$($value),*].into_iter().nth(index)
            }
        }

        #[cfg(feature = "schema")]
        impl $crate::schema::Describe for $name {
            fn describe(_: &mut $crate::schema::Definitions) -> serde_json::Value {
                $crate::schema::words(&[$(($word, &[$($doc),*])),*])
            }
        }
    };
}

/// Says that a reader is described as another one, perhaps with further keywords.
macro_rules! described_as {
    ($($name:ty => $as:ty $(, $more:tt)?;)*) => {
        $(
            #[cfg(feature = "schema")]
            impl $crate::schema::Describe for $name {
                fn describe(definitions: &mut $crate::schema::Definitions) -> serde_json::Value {
                    #[allow(unused_mut, reason = "only some add keywords")]
                    let mut schema = <$as as $crate::schema::Describe>::describe(definitions);
                    $($crate::schema::merge(&mut schema, serde_json::json!($more));)?
                    schema
                }
            }
        )*
    };
}
