//! Who answers which application.

use ksnaf_diameter::{Asker, Service};
use ksnaf_proto::diameter::{Answer, ApplicationId, Fault, Message, Origin, ResultCode};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

/// Hands each request to whoever answers its application; 3007 where nobody does. The node has to run before its
/// answerers exist, for these need the vectors that come over it.
pub struct Desk {
    origin: Origin,
    services: RwLock<HashMap<ApplicationId, Arc<dyn Service>>>,
}

impl Desk {
    pub(super) fn new(origin: Origin) -> Self {
        Self { origin, services: RwLock::default() }
    }

    /// From here on, requests of that application are answered by `service`.
    pub fn serve(&self, application: ApplicationId, service: Arc<dyn Service>) {
        self.services.write().unwrap_or_else(PoisonError::into_inner).insert(application, service);
    }

    /// Lets go of all who answer.
    pub fn clear(&self) {
        self.services.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn service_of(&self, application: ApplicationId) -> Option<Arc<dyn Service>> {
        self.services.read().unwrap_or_else(PoisonError::into_inner).get(&application).cloned()
    }
}

impl Service for Desk {
    fn answer<'a>(
        &'a self,
        asker: &'a Asker,
        request: Message,
    ) -> Pin<Box<dyn Future<Output = Message> + Send + 'a>> {
        Box::pin(async move {
            match self.service_of(request.header.application) {
                Some(service) => service.answer(asker, request).await,
                None => {
                    let fault = Fault::new(ResultCode::APPLICATION_UNSUPPORTED);
                    Answer::error(&request, &self.origin, &fault).build()
                }
            }
        })
    }
}
