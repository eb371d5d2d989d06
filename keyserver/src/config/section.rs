//! Sections: structs whose keys, types, defaults, bounds and descriptions are written down once, in [`section!`].
//!
//! From that one list follow the struct, its defaults, its reader, the names of the environment variables, and the JSON
//! schema. The reader does not stop at the first problem: a value that cannot be used is reported, and its default
//! stands in until all others have been read.

/// Defines a section: per key its description, its name in YAML, the field, the field's type, the default, and the kind
/// of value ([`super::kind`]) that reads it and says what is allowed.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $vis:vis struct $name:ident {
            $(
                $(#[doc = $doc:literal])+
                $key:literal: $kind:expr => $field:ident: $type:ty = $default:expr;
            )*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug)]
        $vis struct $name {
            $( $(#[doc = $doc])+ $vis $field: $type, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )* }
            }
        }

        impl $crate::config::field::Section for $name {
            fn fields() -> Vec<$crate::config::field::Field> {
                let default = Self::default();
                vec![ $(
                    $crate::config::field::Field::new($key, concat!($($doc, "\n"),+), &$kind, &default.$field),
                )* ]
            }

            fn read(
                node: &$crate::config::node::Node,
                reader: &mut $crate::config::field::Reader,
            ) -> Self {
                let mut section = Self::default();
                for entry in reader.entries(node) {
                    match entry.key.as_str() {
                        $( $key => if let Some(value) = reader.field(entry, &$kind) { section.$field = value; }, )*
                        _ => reader.unknown(entry, &[$($key),*]),
                    }
                }
                section
            }

            fn write(&self) -> serde_json::Value {
                use $crate::config::field::Kind as _;
                let default = Self::default();
                let mut written = serde_json::Map::new();
                $( {
                    let value = $kind.write(&self.$field);
                    if value != $kind.write(&default.$field) {
                        written.insert($key.to_owned(), value);
                    }
                } )*
                written.into()
            }
        }
    };
}
pub(super) use section;
