//! A whole service in this process: its own data directory, subscriber, card and token, ports from the system.

use crate::api::{Api, NAF};
use crate::leaks::{self, Search, Watch};
use crate::people::{Person, random};
use crate::slot::Reader;
use ksnaf::api::caller::Tokens;
use ksnaf::config::{Config, Lifetime, NafConfig, UaProtocols};
use ksnaf::service::{Service, StartError};
use ksnaf::store::{Added, Store, StoreError, Subscriber};
use ksnaf_proto::gba::GbaMode;
use ksnaf_proto::hex;
use ksnaf_proto::identity::Fqdn;
use ksnaf_sim_usim::Personalisation;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempDir;

/// The lab's BSF: realm on Ub, right-hand side of every B-TID.
pub(crate) const BSF: &str = "bsf.mnc001.mcc001.pub.3gppnetwork.org";

/// What a lab begins with, to change before it starts.
pub(crate) struct Setup {
    pub(crate) config: Config,
    pub(crate) person: Person,
    /// Further subscribers of the AuC.
    pub(crate) others: Vec<Person>,
    /// What the card is made with; `None`: no device side.
    pub(crate) card: Option<Personalisation>,
    /// What the store has of a person, if anything.
    pub(crate) local: fn(&Person) -> Option<Subscriber>,
}

impl Setup {
    /// A device whose subscriber the network runs in this mode.
    pub(crate) fn new(gba_mode: GbaMode) -> Self {
        Self::of(Person::new(gba_mode))
    }

    /// A device of this subscriber.
    pub(crate) fn of(person: Person) -> Self {
        let mut config = Config::default();
        config.ub.listen = any_port();
        config.api.listen = any_port();
        config.zn.sbi_listen = any_port();
        config.zn.diameter_listen = Some(any_port());
        config.naf.push(NafConfig::for_lab(fqdn(NAF)));
        config.api.admins.push("lab".to_owned());
        config.service.drain_timeout = seconds(2.0);
        let card = Some(person.personalisation());
        let local = |person: &Person| Some(person.subscriber());
        Self { config, person, others: Vec::new(), card, local }
    }

    /// A network side alone.
    pub(crate) fn without_card(mut self) -> Self {
        self.card = None;
        self
    }

    /// Another AuC has the keys: what the store has of a person, if anything.
    pub(crate) fn local(mut self, local: fn(&Person) -> Option<Subscriber>) -> Self {
        self.local = local;
        self
    }

    /// Changes the configuration.
    pub(crate) fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Changes what the card is made with.
    pub(crate) fn card(mut self, change: impl FnOnce(&mut Personalisation)) -> Self {
        change(self.card.as_mut().expect("a setup with a card"));
        self
    }

    /// Lets the lab's NAF use every Ua protocol.
    pub(crate) fn any_ua(self) -> Self {
        self.config(|config| config.naf[0].ua_protocols = UaProtocols::Any)
    }

    /// Starts.
    pub(crate) async fn start(self) -> Lab {
        Lab::start(self).await
    }
}

/// A running lab. [`Lab::finish`] ends every test with one.
pub(crate) struct Lab {
    _folder: TempDir,
    pub(crate) person: Person,
    pub(crate) others: Vec<Person>,
    /// The device's reader, where there is one.
    reader: Option<Reader>,
    pub(crate) token: String,
    pub(crate) watch: Arc<Mutex<Watch>>,
    service: Option<Service>,
    config: Config,
    finished: bool,
}

impl Lab {
    async fn start(setup: Setup) -> Self {
        leaks::capture();
        let folder = folder();
        let Setup { mut config, person, others, card, local } = setup;
        config.data_dir = folder.path().join("data");
        let token = hex::encode(&random::<24>());
        let mut watch = Watch::default();
        watch.secret("the token", &token);
        for one in others.iter().chain([&person]) {
            one.watch(&mut watch);
        }
        let mut lab = Self {
            reader: card.map(Reader::with),
            _folder: folder,
            person,
            others,
            token,
            watch: Arc::new(Mutex::new(watch)),
            service: None,
            config,
            finished: false,
        };
        lab.service = Some(lab.try_start().await.expect("a service that starts"));
        let people: Vec<_> = lab.others.iter().chain([&lab.person]).filter_map(local).collect();
        if let Some(store) = &lab.service().store {
            let added = store.add_subscribers(people, false).await.expect("a store");
            assert_eq!(added, Added::All { replaced: 0 });
        }
        lab
    }

    /// Starts the service on the lab's directory, where none runs.
    async fn try_start(&self) -> Result<Service, StartError> {
        let mut tokens = Tokens::default();
        tokens.add("lab", &self.token);
        let card = self.reader.as_ref().map(Reader::slot);
        Service::start_with_card(self.config.clone(), tokens, card).await
    }

    pub(crate) fn service(&self) -> &Service {
        self.service.as_ref().expect("a running service")
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        self.service().store.clone().expect("a network side")
    }

    pub(crate) fn reader(&self) -> &Reader {
        self.reader.as_ref().expect("a device side")
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.config.data_dir
    }

    pub(crate) fn ub(&self) -> SocketAddr {
        self.service().addresses.ub.expect("Ub is served")
    }

    /// The API over TCP, as the principal `lab`.
    pub(crate) fn api(&self) -> Api {
        let address = self.service().addresses.api.expect("the API is served");
        Api::tcp(address, &self.token, Arc::clone(&self.watch))
    }

    /// Remembers a secret of the test's own.
    pub(crate) fn secret(&self, name: &str, octets: impl AsRef<[u8]>) {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).secret(name, octets);
    }

    /// B-TIDs of all live associations, as the store has them.
    pub(crate) async fn live(&self) -> Vec<String> {
        let found = self.store().associations(None, 1000, SystemTime::now()).await.expect("a store");
        found.into_iter().map(|association| association.b_tid.to_string()).collect()
    }

    /// Registers everything that the bootstraps which are alive have made.
    pub(crate) async fn watch_live(&self) {
        if self.service().store.is_none() {
            return;
        }
        let live = self.store().associations(None, 1000, SystemTime::now()).await.expect("a store");
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        for association in live {
            watch.secret("Ks of the store", association.ks.danger_expose());
            for person in self.others.iter().chain([&self.person]) {
                if person.impi == association.impi {
                    person.watch_bootstrap(&mut watch, association.b_tid.as_str());
                }
            }
        }
    }

    /// Stops the service; the directory and the card stay.
    pub(crate) async fn stop(&mut self) {
        self.watch_live().await;
        self.service.take().expect("a running service").stop().await;
    }

    /// Changes the configuration, from the next start on.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
    }

    /// Tries to start a second one on the same directory.
    pub(crate) async fn start_beside(&self) -> Result<Service, StartError> {
        self.try_start().await
    }

    /// Starts it again, with new ports. A program that another test is just starting has this process's locks until it is
    /// its own, so a store may seem to be in use for a moment.
    pub(crate) async fn start_again(&mut self) {
        let until = Instant::now() + Duration::from_secs(2);
        self.service = Some(loop {
            match self.try_start().await {
                Err(StartError::Store(StoreError::InUse(_))) if Instant::now() < until => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                started => break started.expect("a service that starts again"),
            }
        });
    }

    /// Ends the lab: no line of this process and no file that is not a key's own holds a secret.
    pub(crate) async fn finish(mut self) {
        if self.service.is_some() {
            self.stop().await;
        }
        let search = self.watch.lock().unwrap_or_else(PoisonError::into_inner).search();
        search.assert_log_is_clean();
        assert_files_are_clean(&search, self.data_dir());
        self.finished = true;
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(reader) = &self.reader {
            reader.thaw();
        }
        assert!(self.finished || std::thread::panicking(), "a test must end with Lab::finish");
    }
}

/// Files that hold secrets by their purpose: the simulated card, the lab's token, sealing keys.
const KEY_FILES: [&str; 4] = ["sim-usim.json", "lab.token", "store.key", "key"];

/// Looks through every file of a data directory but those that are a secret's own.
pub(crate) fn assert_files_are_clean(search: &Search, directory: &Path) {
    for entry in std::fs::read_dir(directory).expect("a data directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            assert_files_are_clean(search, &path);
        } else if path.is_file() && !KEY_FILES.contains(&name.as_str()) {
            search.assert_no_secret_in(&path.display().to_string(), &content(&path));
        }
    }
}

/// A file without its empty parts: a journal is 64 MiB of zeros and a few records.
fn content(path: &Path) -> Vec<u8> {
    static EMPTY: [u8; 65536] = [0; 65536];
    let mut file = std::fs::File::open(path).expect("a file");
    let (mut content, mut part) = (Vec::new(), vec![0; EMPTY.len()]);
    loop {
        let count = file.read(&mut part).expect("a readable file");
        if count == 0 {
            return content;
        }
        if part[..count] != EMPTY[..count] {
            content.extend_from_slice(&part[..count]);
        }
    }
}

/// A folder of the test's own, in memory where the system has such a place: a store waits for the disk at every step,
/// and no test here pulls the plug on the machine.
pub(crate) fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("ksnaf-e2e-").tempdir_in(place).expect("a folder")
}

/// Any free port on loopback.
pub(crate) fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

pub(crate) fn fqdn(text: &str) -> Fqdn {
    Fqdn::parse(text).expect("a host name")
}

pub(crate) fn seconds(seconds: f64) -> Lifetime {
    Lifetime(Duration::from_secs_f64(seconds))
}

/// A check that cannot fail proves nothing.
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::panic::AssertUnwindSafe;

    #[tokio::test]
    async fn the_end_of_a_lab_looks_through_its_log_and_its_files() {
        for planted in ["bootstrapped with the card", "something left behind"] {
            let lab = Setup::new(GbaMode::U).start().await;
            lab.api().b_tid(false).await;
            std::fs::write(lab.data_dir().join("file"), "something left behind").unwrap();
            lab.secret("planted", planted);
            assert!(AssertUnwindSafe(lab.finish()).catch_unwind().await.is_err(), "{planted}");
        }
    }
}
