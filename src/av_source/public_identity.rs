//! Who goes by a public identity, by the local subscriber file: no source is asked by anything but an IMPI.

use crate::store::{Store, StoreError, Subscriber};
use ksnaf_proto::identity::{Impi, Impu, Imsi};

/// Subscribers looked at in one step.
const PAGE: usize = 1000;

/// Looks through the subscribers: a lab's list is short, and pushes by public identity are rare.
pub(super) async fn by_impu(store: &dyn Store, impu: &Impu) -> Result<Option<Impi>, StoreError> {
    let mut after: Option<Imsi> = None;
    loop {
        let page = store.subscribers(after.as_ref(), PAGE).await?;
        if let Some(found) = page.iter().find(|subscriber| goes_by(subscriber, impu)) {
            return Ok(Some(found.impi.clone()));
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.imsi.clone()),
            _ => return Ok(None),
        }
    }
}

/// By one of its public identities, by the one that its IMPI implies, or by its telephone number.
fn goes_by(subscriber: &Subscriber, impu: &Impu) -> bool {
    let wanted = impu.as_str();
    let number = wanted.strip_prefix("tel:").map(|number| number.trim_start_matches('+'));
    subscriber.impus.iter().any(|known| known == wanted)
        || Impu::from_impi(&subscriber.impi) == *impu
        || number.is_some_and(|number| subscriber.msisdn.as_deref() == Some(number))
}
