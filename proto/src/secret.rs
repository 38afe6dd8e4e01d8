//! Key material: zeroed on drop, compared in constant time, never printed.
//!
//! Whatever shows the octets has `danger` in its name, so that a reviewer can search for it.

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// `N` secret octets.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// Takes the octets over. The caller's own copy stays the caller's to wipe.
    #[must_use]
    pub const fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// The octets, for a computation or for the wire. Never for a log.
    #[must_use]
    pub const fn danger_expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> TryFrom<&[u8]> for Secret<N> {
    type Error = std::array::TryFromSliceError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> std::fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{N} secret octets]")
    }
}

/// Secret octets whose number is known only at run time.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// The octets, for a computation or for the wire. Never for a log.
    #[must_use]
    pub fn danger_expose(&self) -> &[u8] {
        &self.0
    }

    /// How many octets there are. A length is not a secret here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no octet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for SecretBytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretBytes {}

impl std::fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{} secret octets]", self.0.len())
    }
}

/// Declares a named key: a newtype around [`Secret`] that keeps look-alike keys apart.
macro_rules! named_secret {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct $name($crate::secret::Secret<$len>);

        impl $name {
            /// Takes the octets over.
            #[must_use]
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self($crate::secret::Secret::new(bytes))
            }

            /// The octets, for a computation or for the wire. Never for a log.
            #[must_use]
            pub const fn danger_expose(&self) -> &[u8; $len] {
                self.0.danger_expose()
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = std::array::TryFromSliceError;

            fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
                bytes.try_into().map(Self)
            }
        }
    };
}
pub(crate) use named_secret;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_a_length_and_nothing_else() {
        assert_eq!(format!("{:?}", Secret::new([0xab; 16])), "[16 secret octets]");
        assert_eq!(format!("{:?}", SecretBytes::from(vec![0xab; 3])), "[3 secret octets]");
    }

    #[test]
    fn equality_is_by_value_and_length() {
        assert_eq!(Secret::new([1, 2]), Secret::new([1, 2]));
        assert_ne!(Secret::new([1, 2]), Secret::new([1, 3]));
        assert_ne!(SecretBytes::from(vec![1]), SecretBytes::from(vec![1, 0]));
    }
}
