//! Authentication headers: what parses prints on one line, as what parses as the same.
#![no_main]

use ksnaf_proto::digest::{Algorithm, AuthenticationInfo, Authorization, Challenge};
use libfuzzer_sys::fuzz_target;
use std::fmt::{Debug, Display};

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    // A tab inside a value is printed as a blank.
    let same = !text.contains('\t');
    if let Ok(authorization) = Authorization::parse(text) {
        let bare = [name(authorization.algorithm.as_ref()), authorization.nc.as_deref()];
        let again = Authorization::parse(&printed(&authorization));
        check(same && bare.iter().all(|it| is_token(*it)), &authorization, again);
    }
    for challenge in Challenge::parse_all(text).unwrap_or_default() {
        let token = is_token(name(challenge.algorithm.as_ref()));
        let again = Challenge::parse_all(&printed(&challenge)).map(|all| all.into_iter().next());
        check(same && token, &Some(challenge), again);
    }
    if let Ok(info) = AuthenticationInfo::parse(text) {
        let again = AuthenticationInfo::parse(&printed(&info));
        check(same && is_token(info.nc.as_deref()), &info, again);
    }
});

/// No value ends the header line, so nobody can smuggle a second one in.
fn printed(header: &impl Display) -> String {
    let line = header.to_string();
    assert!(!line.chars().any(char::is_control), "{line:?}");
    line
}

fn check<T: PartialEq + Debug, E: Debug>(same: bool, header: &T, again: Result<T, E>) {
    let again = again.expect("what was printed parses");
    assert!(!same || again == *header, "{header:?} came back as {again:?}");
}

fn name(algorithm: Option<&Algorithm>) -> Option<&str> {
    algorithm.map(Algorithm::as_str)
}

/// Whether a value survives without quotes. What does not is outside the grammar, though it is read.
fn is_token(value: Option<&str>) -> bool {
    value.is_none_or(|value| !value.contains([' ', ',', '"', '=', '\\']))
}
