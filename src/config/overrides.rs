//! Reads the file and lays environment and `--set` over it, one at a time, so that an error names the one at fault.

use super::{Config, Role, UaZn, UeBootstrap};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// A configuration that cannot be used. Exit status 2.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file has an error at a line and a key.
    #[error("{path}: {message}")]
    File {
        /// The file.
        path: PathBuf,
        /// Line, column, the line itself and what is wrong with it.
        message: String,
    },
    /// An override has an error.
    #[error("{origin}: {message}")]
    Override {
        /// `--set key=value` or the name of the environment variable.
        origin: String,
        /// What is wrong with it.
        message: String,
    },
    /// Values that do not go together.
    #[error("configuration: {0}")]
    Conflict(&'static str),
}

/// The file (if any), then the environment's `KSNAF_…`, then each `key=value` of `sets`.
pub fn load(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
    sets: &[String],
) -> Result<Config, ConfigError> {
    let mut table = match file {
        Some(path) => read(path)?,
        None => Table::new(),
    };
    let mut variables: Vec<(String, String)> = environment.collect();
    variables.sort();
    for (name, value) in variables {
        if let Some(key) = key_of_variable(&name) {
            lay(&mut table, &name, &key, &value)?;
        }
    }
    for set in sets {
        let origin = format!("--set {set}");
        let (key, value) = set.split_once('=').ok_or_else(|| ConfigError::Override {
            origin: origin.clone(),
            message: "write it as key=value, for instance ub.listen=127.0.0.1:0".to_owned(),
        })?;
        lay(&mut table, &origin, key.trim(), value.trim())?;
    }
    let config: Config = table.try_into().map_err(|error: toml::de::Error| ConfigError::Override {
        origin: "configuration".to_owned(),
        message: error.to_string(),
    })?;
    check(&config)?;
    Ok(config)
}

fn read(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let wrong =
        |error: toml::de::Error| ConfigError::File { path: path.to_owned(), message: located(&text, &error) };
    // Deserialized once from the text alone: only so does an error know its line.
    toml::from_str::<Config>(&text).map_err(wrong)?;
    toml::from_str::<Table>(&text).map_err(wrong)
}

/// `line 3: ub.lisen: unknown field …`, with the line itself below.
fn located(text: &str, error: &toml::de::Error) -> String {
    let Some(span) = error.span() else {
        return error.message().to_owned();
    };
    let before = text.get(..span.start.min(text.len())).unwrap_or(text);
    let number = before.matches('\n').count() + 1;
    let line = text.lines().nth(number - 1).unwrap_or_default();
    let above = text.lines().take(number - 1).collect::<Vec<_>>();
    let section = match above.iter().rev().find_map(|line| line.trim().strip_prefix('[')) {
        Some(header) if !line.trim_start().starts_with('[') => {
            format!("[{}] ", header.trim_start_matches('[').split(']').next().unwrap_or_default())
        }
        _ => String::new(),
    };
    format!("line {number}: {section}{}: {}", line.trim(), error.message())
}

/// `KSNAF_UB__LISTEN` is `ub.listen`; variables that name no section are left to others, but for `KSNAF_DATA_DIR`.
fn key_of_variable(name: &str) -> Option<String> {
    let rest = name.strip_prefix("KSNAF_")?;
    (rest.contains("__") || rest == "DATA_DIR").then(|| rest.to_ascii_lowercase().replace("__", "."))
}

/// Lays one value over the table; the whole must still be a configuration.
fn lay(table: &mut Table, origin: &str, key: &str, text: &str) -> Result<(), ConfigError> {
    let as_toml =
        toml::from_str::<Table>(&format!("value = {text}")).ok().and_then(|mut t| t.remove("value"));
    let as_text = Value::String(text.to_owned());
    let mut failure = String::new();
    for value in as_toml.into_iter().chain([as_text]) {
        let mut candidate = table.clone();
        let Some(()) = insert(&mut candidate, key, value) else {
            failure = format!("{key}: no such place in the configuration");
            continue;
        };
        match serde_path_to_error::deserialize::<_, Config>(candidate.clone()) {
            Ok(_) => {
                *table = candidate;
                return Ok(());
            }
            Err(error) => failure = format!("{}: {}", error.path(), error.inner().message()),
        }
    }
    Err(ConfigError::Override { origin: origin.to_owned(), message: failure })
}

/// Walks `a.b.0.c`, making tables on the way; a number is a place in an array, its end included.
fn insert(table: &mut Table, key: &str, value: Value) -> Option<()> {
    let (head, tail) = match key.split_once('.') {
        Some((head, tail)) => (head, Some(tail)),
        None => (key, None),
    };
    if head.is_empty() {
        return None;
    }
    let Some(tail) = tail else {
        table.insert(head.to_owned(), value);
        return Some(());
    };
    let indexed = tail.split('.').next().is_some_and(|part| part.parse::<usize>().is_ok());
    let fresh = if indexed { Value::Array(Vec::new()) } else { Value::Table(Table::new()) };
    match table.entry(head.to_owned()).or_insert(fresh) {
        Value::Table(inner) => insert(inner, tail, value),
        Value::Array(items) => {
            let (index, rest) = tail.split_once('.')?;
            let index: usize = index.parse().ok()?;
            if index == items.len() {
                items.push(Value::Table(Table::new()));
            }
            items.get_mut(index)?.as_table_mut().and_then(|inner| insert(inner, rest, value))
        }
        _ => None,
    }
}

/// Rules that span several keys.
fn check(config: &Config) -> Result<(), ConfigError> {
    let ub = &config.ub;
    if ub.tls_listen.is_some() && (ub.tls_certificate.is_none() || ub.tls_key.is_none()) {
        return Err(ConfigError::Conflict("ub.tls_listen needs ub.tls_certificate and ub.tls_key"));
    }
    if ub.tls_listen.is_none() && !config.bsf.other_bootstraps.is_empty() {
        return Err(ConfigError::Conflict(
            "bsf.other_bootstraps needs ub.tls_listen: they run over TLS only",
        ));
    }
    if config.ue.bootstrap == UeBootstrap::Digest && config.ue.digest_file.is_none() {
        return Err(ConfigError::Conflict("ue.bootstrap = \"digest\" needs ue.digest_file"));
    }
    if config.unconfirmed.digest_exporter.is_empty() {
        return Err(ConfigError::Conflict("unconfirmed.digest_exporter is empty"));
    }
    config.diameter.conflict().map_err(ConfigError::Conflict)?;
    config.zh.missing(ub.request_timeout, !config.diameter.peer.is_empty()).map_err(ConfigError::Conflict)?;
    let api = &config.api;
    if api.tls_listen.is_some()
        && (api.tls_certificate.is_none() || api.tls_key.is_none() || api.client_ca.is_none())
    {
        return Err(ConfigError::Conflict(
            "api.tls_listen needs api.tls_certificate, api.tls_key and api.client_ca",
        ));
    }
    let zn = &config.zn;
    if zn.sbi_tls_listen.is_some() && (zn.tls_certificate.is_none() || zn.tls_key.is_none()) {
        return Err(ConfigError::Conflict("zn.sbi_tls_listen needs zn.tls_certificate and zn.tls_key"));
    }
    check_ua(config)
}

fn check_ua(config: &Config) -> Result<(), ConfigError> {
    let ua = &config.ua_proxy;
    if ua.certificate.is_some() != ua.key.is_some() {
        return Err(ConfigError::Conflict("ua_proxy.certificate and ua_proxy.key go together"));
    }
    if !config.serves_ua() {
        return Ok(());
    }
    if ua.naf_fqdn.is_none() || ua.upstream.is_none() {
        return Err(ConfigError::Conflict("the role ua needs ua_proxy.naf_fqdn and ua_proxy.upstream"));
    }
    match ua.zn {
        UaZn::Local if !config.service.roles.contains(&Role::Bsf) => {
            Err(ConfigError::Conflict("ua_proxy.zn = \"local\" needs the role bsf in service.roles"))
        }
        UaZn::Nbsp if ua.base_url.is_none() => {
            Err(ConfigError::Conflict("ua_proxy.zn = \"nbsp\" needs ua_proxy.base_url"))
        }
        UaZn::Diameter if ua.peer.is_none() => {
            Err(ConfigError::Conflict("ua_proxy.zn = \"diameter\" needs ua_proxy.peer"))
        }
        UaZn::Local | UaZn::Nbsp | UaZn::Diameter => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn with(text: &str, sets: &[&str]) -> Result<Config, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        load(Some(file.path()), std::iter::empty(), &sets).map_err(|error| error.to_string())
    }

    #[test]
    fn an_error_names_file_line_and_key() {
        let error = with("data_dir = \"d\"\n\n[ub]\nlisen = \"127.0.0.1:1\"\n", &[]).unwrap_err();
        assert!(error.contains("line 4: [ub] lisen"), "{error}");
        let error = with("[ub]\nlisten = \"nowhere\"\n", &[]).unwrap_err();
        assert!(error.contains("line 2: [ub] listen = \"nowhere\""), "{error}");
        let error = with("[bsf]\nkey_lifetime = \"soon\"\n", &[]).unwrap_err();
        assert!(error.contains("line 2: [bsf] key_lifetime") && error.contains("not a duration"), "{error}");
        let error = with("[[naf]]\nfqdn = \"naf\"\nua_protocols = [\"zz\"]\n", &[]).unwrap_err();
        assert!(error.contains("line 3: [naf] ua_protocols"), "{error}");
        let error = with("[nope]\n", &[]).unwrap_err();
        assert!(error.contains("line 1") && error.contains("nope"), "{error}");
    }

    #[test]
    fn later_sources_are_stronger() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"[ub]\nlisten = \"127.0.0.1:1\"\n[api]\nlisten = \"127.0.0.1:1\"\n").unwrap();
        let variables = [
            ("KSNAF_UB__LISTEN", "127.0.0.1:2"),
            ("KSNAF_API__LISTEN", "127.0.0.1:2"),
            ("KSNAF_READER", "x"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let sets = ["api.listen=127.0.0.1:3".to_owned()];
        let config = load(Some(file.path()), variables.into_iter(), &sets).unwrap();
        assert_eq!((config.ub.listen.port(), config.api.listen.port()), (2, 3));
    }

    #[test]
    fn a_bad_override_is_named() {
        let error = with("", &["ub.listen=x"]).unwrap_err();
        assert!(error.starts_with("--set ub.listen=x: ub.listen"), "{error}");
        let error = with("", &["ub.lisen=127.0.0.1:0"]).unwrap_err();
        assert!(error.contains("lisen"), "{error}");
        assert!(with("", &["ub"]).is_err());
    }

    #[test]
    fn lists_can_be_set_by_place() {
        let config = with("", &["naf.0.fqdn=naf.example", "naf.0.principals=[\"lab\"]"]).unwrap();
        assert_eq!(config.naf.first().unwrap().principals, ["lab"]);
    }

    #[test]
    fn the_documented_configuration_is_the_default_one() {
        let page = include_str!("../../docs/configuration.md");
        let blocks: Vec<&str> =
            page.split("```toml\n").skip(1).filter_map(|part| part.split("```").next()).collect();
        let documented = with(blocks[0], &[]).unwrap();
        assert_eq!(format!("{documented:#?}"), format!("{:#?}", Config::default()));
        for block in &blocks {
            with(block, &[]).unwrap();
        }
        let lab = with(blocks[2], &[]).unwrap().naf;
        let naf = super::super::NafConfig::for_lab(lab[0].fqdn.clone());
        assert_eq!(format!("{:?}", lab[0]), format!("{naf:?}"));
    }

    #[test]
    fn the_example_behind_the_readmes_two_commands_is_taken() {
        let config = with(include_str!("../../docs/cse.toml"), &[]).unwrap();
        assert!(config.serves_ua());
        assert!(config.ua_client.target.is_some() && config.cse.url.is_some());
    }

    #[test]
    fn digits_may_be_text() {
        assert_eq!(with("", &["data_dir=123"]).unwrap().data_dir, PathBuf::from("123"));
    }
}
