//! The grammar under every authentication header (RFC 9110 clause 11): schemes and their `name=value` lists.

use std::borrow::Cow;

/// More octets than any header of Ub or Ua has use for; a web server's own limit is often lower.
const MAX_HEADER: usize = 16 * 1024;
/// More parameters than any sender has reason for: it bounds the work of a search.
const MAX_PARAMETERS: usize = 64;

/// Why an authentication header cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// Longer than 16 KiB or with more than 64 parameters.
    #[error("an authentication header of more than 16 KiB or 64 parameters")]
    TooLong,
    /// A control character outside a folded line.
    #[error("a control character in an authentication header")]
    ControlCharacter,
    /// A quoted value without its end.
    #[error("a quoted value without its closing quote")]
    Unterminated,
    /// Neither a scheme nor a parameter where one is due.
    #[error("neither a scheme nor name=value")]
    Syntax,
    /// Not the scheme Digest, or more schemes than one.
    #[error("not one set of Digest credentials")]
    NotDigest,
    /// A parameter that must be there is not.
    #[error("the parameter {0} is missing")]
    Missing(&'static str),
    /// A parameter stands twice: two readers would choose differently.
    #[error("the parameter {0} stands twice")]
    Twice(&'static str),
    /// A parameter has a value outside its grammar.
    #[error("the parameter {0} has a value outside its grammar")]
    Value(&'static str),
}

/// The parameters of one scheme, in the order received. Names are in lower case, values unquoted.
#[derive(Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a list without a scheme, as Authentication-Info has it.
    pub(super) fn parse_list(text: &str) -> Result<Self, HeaderError> {
        let text = unfold(text)?;
        let mut parameters = Self::default();
        let mut rest = separators(&text);
        while !rest.is_empty() {
            let (name, after) = word(rest);
            let value = blanks(after).strip_prefix('=').ok_or(HeaderError::Syntax)?;
            rest = separators(parameters.push(name, value)?);
        }
        Ok(parameters)
    }

    /// A parameter's value, if it stands there once.
    pub(super) fn optional(&self, name: &'static str) -> Result<Option<&str>, HeaderError> {
        let mut values = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let value = values.next();
        if values.next().is_some() { Err(HeaderError::Twice(name)) } else { Ok(value) }
    }

    /// A parameter's value; it must be there.
    pub(super) fn required(&self, name: &'static str) -> Result<&str, HeaderError> {
        self.optional(name)?.ok_or(HeaderError::Missing(name))
    }

    /// Takes `value…` in and gives what stands behind the value.
    fn push<'t>(&mut self, name: &str, value: &'t str) -> Result<&'t str, HeaderError> {
        if name.is_empty() {
            return Err(HeaderError::Syntax);
        }
        if self.0.len() == MAX_PARAMETERS {
            return Err(HeaderError::TooLong);
        }
        let value = blanks(value);
        let (value, rest) = match value.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let (bare, rest) = split_where(value, is_separator);
                // A quote inside is the end of one that is not there: no token has it.
                if bare.contains('"') {
                    return Err(HeaderError::Syntax);
                }
                (bare.to_owned(), rest)
            }
        };
        // Values that run into each other are no list: two readers would cut them differently.
        if !matches!(blanks(rest).chars().next(), None | Some(',')) {
            return Err(HeaderError::Syntax);
        }
        self.0.push((name.to_ascii_lowercase(), value));
        Ok(rest)
    }
}

/// Reads schemes with their parameters, as WWW-Authenticate and Authorization have them.
pub(super) fn schemes(text: &str) -> Result<Vec<(String, Parameters)>, HeaderError> {
    let text = unfold(text)?;
    let mut found: Vec<(String, Parameters)> = Vec::new();
    let mut rest = separators(&text);
    while !rest.is_empty() {
        let (name, after) = word(rest);
        rest = match (blanks(after).strip_prefix('='), found.last_mut()) {
            (Some(value), Some((_, parameters))) => parameters.push(name, value)?,
            (Some(_), None) => return Err(HeaderError::Syntax),
            (None, _) if name.is_empty() => return Err(HeaderError::Syntax),
            (None, _) => {
                found.push((name.to_owned(), Parameters::default()));
                after
            }
        };
        rest = separators(rest);
    }
    Ok(found)
}

/// One line of it: a line break with white space behind it is white space (RFC 9112 clause 5.2).
fn unfold(text: &str) -> Result<Cow<'_, str>, HeaderError> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    if text.len() > MAX_HEADER {
        return Err(HeaderError::TooLong);
    }
    let text = if text.contains(['\r', '\n']) {
        let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let mut joined = lines.next().unwrap_or_default().to_owned();
        for line in lines {
            let folded = line.strip_prefix([' ', '\t']).ok_or(HeaderError::ControlCharacter)?;
            joined.push(' ');
            joined.push_str(folded.trim_start_matches([' ', '\t']));
        }
        Cow::Owned(joined)
    } else {
        Cow::Borrowed(text)
    };
    let clean = text.chars().all(|c| c == '\t' || !c.is_control());
    if clean { Ok(text) } else { Err(HeaderError::ControlCharacter) }
}

/// What stands between an opening quote and its end, and what follows.
fn unquote(text: &str) -> Result<(String, &str), HeaderError> {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Ok((value, chars.as_str())),
            '\\' => value.push(chars.next().ok_or(HeaderError::Unterminated)?),
            _ => value.push(c),
        }
    }
    Err(HeaderError::Unterminated)
}

fn word(text: &str) -> (&str, &str) {
    split_where(text, |c| is_separator(c) || c == '=' || c == '"')
}

fn blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

fn separators(text: &str) -> &str {
    text.trim_start_matches(is_separator)
}

const fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '\t' | ',')
}

fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.find(ends).and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Scheme = (String, Vec<(String, String)>);

    fn read(text: &str) -> Result<Vec<Scheme>, HeaderError> {
        Ok(schemes(text)?.into_iter().map(|(scheme, parameters)| (scheme, parameters.0)).collect())
    }

    #[test]
    fn spelling_does_not_matter() {
        let plain = read(r#"Digest username="u@r", nonce="a b==", uri="/", nc=00000001"#).unwrap();
        for other in [
            r#"Digest username="u@r",nonce="a b==",uri="/",nc=00000001"#,
            r#"Digest  USERNAME = "u@r" , Nonce="a b==" ,, uri=/ ,NC="00000001","#,
            "Digest\r\n username=\"u@r\",\r\n\tnonce=\"a b==\",\n  uri=\"/\",\r\n nc=00000001\r\n",
            r#"Digest username="u\@r",nonce="a b==",uri="/",nc=00000001"#,
            "  ,Digest\tusername=\"u@r\",nonce=\"a\r\n b==\",uri=/,nc=00000001",
        ] {
            assert_eq!(read(other).as_ref(), Ok(&plain), "{other}");
        }
    }

    #[test]
    fn several_schemes_in_one_header_are_told_apart() {
        let found = read(r#"Negotiate abc/d==, Basic realm="x, Digest", NTLM, Digest realm="y", qop="a,b""#);
        let names: Vec<_> = found.as_ref().unwrap().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Negotiate", "Basic", "NTLM", "Digest"]);
        let last = &found.as_ref().unwrap()[3].1;
        assert_eq!(last[1], ("qop".to_owned(), "a,b".to_owned()));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_reason() {
        for (text, error) in [
            ("Digest a=\"", HeaderError::Unterminated),
            ("Digest a=\"b\\", HeaderError::Unterminated),
            ("Digest a=\"b\\\"", HeaderError::Unterminated),
            ("a=b", HeaderError::Syntax),
            ("Digest a=b c=d", HeaderError::Syntax),
            ("Digest a=b\", c=d", HeaderError::Syntax),
            ("Digest a=\"b\"c=d", HeaderError::Syntax),
            ("=b", HeaderError::Syntax),
            ("Digest =b", HeaderError::Syntax),
            ("Digest \"a\"", HeaderError::Syntax),
            ("Digest a=\"x\r\ny\"", HeaderError::ControlCharacter),
            ("Digest a=\"x\0\"", HeaderError::ControlCharacter),
            ("Digest a=x\u{7f}", HeaderError::ControlCharacter),
        ] {
            assert_eq!(read(text), Err(error), "{text:?}");
        }
        assert_eq!(read(&format!("Digest a=\"{}\"", "x".repeat(MAX_HEADER))), Err(HeaderError::TooLong));
        assert_eq!(read(&format!("Digest {}", "a=b,".repeat(65))), Err(HeaderError::TooLong));
    }

    #[test]
    fn a_parameter_that_stands_twice_is_refused_where_it_is_used() {
        let list = Parameters::parse_list("qop=auth, x=1, x=2, QOP=auth-int").unwrap();
        assert_eq!(list.optional("qop"), Err(HeaderError::Twice("qop")));
        assert_eq!(list.required("nc"), Err(HeaderError::Missing("nc")));
    }
}
