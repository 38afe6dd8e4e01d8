//! Open wire codes: a number that keeps every value it can carry, with names for the known ones.

/// Declares a newtype around `u32` with named constants. Unknown values survive and print as numbers.
macro_rules! wire_code {
    ($(#[$doc:meta])* $name:ident($field:vis u32), $($const:ident = $value:literal $text:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($field u32);

        impl $name {
            $(
                #[doc = $text]
                pub const $const: Self = Self($value);
            )+

            /// The specification's name; `None` for a value without one here.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)+
                    _ => None,
                }
            }

            /// The number on the wire.
            #[must_use]
            pub const fn value(self) -> u32 {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => write!(f, "{name} ({})", self.0),
                    None => write!(f, "{}", self.0),
                }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    };
}
pub(super) use wire_code;
