//! SIP-Auth-Data-Item, which Cx defines and Zh reuses: a vector, a digest credential, or a resynchronisation
//! (TS 29.229 clause 6.3.13, TS 29.109 clause 5).

use super::{DIGEST_AKAV1_MD5, HssAnswer, VectorError};
use crate::aka::{AuthVector, Autn, Auts, Ck, Ik, Rand, Res};
use crate::diameter::dictionary::{base, cx, digest};
use crate::diameter::{Avp, AvpDef, Avps, Fault, Message, Outcome, ResultCode, TgppResultCode, VendorId};
use crate::hex;
use crate::identity::{Impi, Impu};
use crate::reader::Reader;
use crate::secret::SecretBytes;
use zeroize::Zeroizing;

/// How SIP-Authentication-Scheme calls a digest credential (TS 29.229 clause 6.3.9).
const SIP_DIGEST: &str = "SIP Digest";

/// What a request on Zh wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthScheme {
    /// A vector.
    #[default]
    DigestAkaV1Md5,
    /// A digest credential, for GBA_Digest.
    SipDigest,
}

impl AuthScheme {
    const ALL: [Self; 2] = [Self::DigestAkaV1Md5, Self::SipDigest];

    const fn as_str(self) -> &'static str {
        match self {
            Self::DigestAkaV1Md5 => DIGEST_AKAV1_MD5,
            Self::SipDigest => SIP_DIGEST,
        }
    }
}

/// A subscriber's SIP Digest credential, for GBA_Digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestCredential {
    /// The realm that H(A1) was made with.
    pub realm: String,
    /// `MD5` or another name of RFC 7616.
    pub algorithm: String,
    /// Quality of protection that the HSS wants, where it says so.
    pub qop: Option<String>,
    /// H(A1), octets.
    pub ha1: SecretBytes,
}

/// Why an answer of an HSS gives nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The HSS says no.
    #[error("the HSS answers {0}")]
    Refused(Outcome),
    /// The answer lacks something, or has it wrong.
    #[error("an HSS's answer that cannot be used: {0}")]
    Malformed(#[from] Fault),
    /// It is about somebody else.
    #[error("an HSS's answer about another subscriber")]
    OtherSubscriber,
    /// Success, but neither a vector nor a digest credential.
    #[error("an HSS's answer without a vector")]
    Empty,
}

impl AnswerError {
    /// What Ub makes of it. `resync` is whether the request carried an AUTS: then a permanent failure for want of
    /// compliance means the AUTS, for the request without it had been complied with.
    #[must_use]
    pub fn vector_error(&self, resync: bool) -> VectorError {
        let Self::Refused(outcome) = self else {
            return VectorError::Unavailable;
        };
        match *outcome {
            Outcome::Experimental { vendor: VendorId::TGPP, code } => match TgppResultCode(code) {
                TgppResultCode::IDENTITY_UNKNOWN | TgppResultCode::USER_UNKNOWN => {
                    VectorError::UnknownSubscriber
                }
                TgppResultCode::NOT_AUTHORIZED
                | TgppResultCode::IDENTITIES_DONT_MATCH
                | TgppResultCode::ROAMING_NOT_ALLOWED
                | TgppResultCode::AUTH_SCHEME_NOT_SUPPORTED => VectorError::NotAllowed,
                _ => VectorError::Unavailable,
            },
            Outcome::Result(ResultCode::UNABLE_TO_COMPLY | ResultCode::AUTHENTICATION_REJECTED) if resync => {
                VectorError::AuthenticationRejected
            }
            Outcome::Result(ResultCode::AUTHORIZATION_REJECTED | ResultCode::AUTHENTICATION_REJECTED) => {
                VectorError::NotAllowed
            }
            _ => VectorError::Unavailable,
        }
    }
}

/// The outcome by which an HSS refuses on Zh.
#[must_use]
pub(super) fn refusal(error: VectorError) -> Outcome {
    match error {
        VectorError::UnknownSubscriber => Outcome::tgpp(TgppResultCode::IDENTITY_UNKNOWN),
        VectorError::NotAllowed => Outcome::tgpp(TgppResultCode::NOT_AUTHORIZED),
        VectorError::AuthenticationRejected => Outcome::Result(ResultCode::UNABLE_TO_COMPLY),
        VectorError::Unavailable => Outcome::Result(ResultCode::TOO_BUSY),
    }
}

/// The item of a request: the scheme, and RAND ‖ AUTS after a synchronisation failure.
pub(crate) fn request_item(resync: Option<&(Rand, Auts)>) -> Avp {
    request_item_for(AuthScheme::DigestAkaV1Md5, resync)
}

/// The same for any scheme.
pub(super) fn request_item_for(scheme: AuthScheme, resync: Option<&(Rand, Auts)>) -> Avp {
    let mut item = vec![cx::SIP_AUTHENTICATION_SCHEME.text(scheme.as_str())];
    item.extend(resync.map(|(rand, auts)| cx::SIP_AUTHORIZATION.octets(&[&rand.0[..], &auts.0].concat())));
    cx::SIP_AUTH_DATA_ITEM.grouped(&item)
}

/// Reads the item of a request, if there is one: RAND and AUTS, if they are in it. No scheme leaves the choice to
/// the HSS; one other than AKA's is refused.
pub(crate) fn read_request_item(avps: &Avps) -> Result<Option<(Rand, Auts)>, Fault> {
    let Some(item) = avps.optional(&cx::SIP_AUTH_DATA_ITEM)? else {
        return Ok(None);
    };
    let inside = item.grouped()?;
    check_scheme(&inside)?;
    inside.optional(&cx::SIP_AUTHORIZATION)?.map(read_resync).transpose()
}

/// The same where a digest credential may be asked for.
pub(super) fn read_request_item_with_scheme(
    avps: &Avps,
) -> Result<(AuthScheme, Option<(Rand, Auts)>), Fault> {
    let Some(item) = avps.optional(&cx::SIP_AUTH_DATA_ITEM)? else {
        return Ok((AuthScheme::default(), None));
    };
    let inside = item.grouped()?;
    let scheme = match inside.optional(&cx::SIP_AUTHENTICATION_SCHEME)? {
        None => AuthScheme::default(),
        Some(avp) => {
            let name = avp.text()?;
            let known = AuthScheme::ALL.into_iter().find(|known| name.eq_ignore_ascii_case(known.as_str()));
            known.ok_or_else(|| avp.invalid_value())?
        }
    };
    Ok((scheme, inside.optional(&cx::SIP_AUTHORIZATION)?.map(read_resync).transpose()?))
}

fn check_scheme(inside: &Avps) -> Result<(), Fault> {
    match inside.optional(&cx::SIP_AUTHENTICATION_SCHEME)? {
        Some(scheme) if !scheme.text()?.eq_ignore_ascii_case(DIGEST_AKAV1_MD5) => Err(scheme.invalid_value()),
        _ => Ok(()),
    }
}

fn read_resync(avp: &Avp) -> Result<(Rand, Auts), Fault> {
    let mut reader = Reader::new(avp.data().danger_expose());
    match (reader.array(), reader.array(), reader.is_empty()) {
        (Ok(rand), Ok(auts), true) => Ok((Rand(rand), Auts(auts))),
        _ => Err(avp.invalid_length()),
    }
}

/// An answer to a request that named `asked`: vectors or a credential, for nobody else.
pub(super) fn read_answer(answer: &Message, asked: Option<&Impi>) -> Result<HssAnswer, AnswerError> {
    let outcome = answer.outcome()?;
    if !outcome.is_success() {
        return Err(AnswerError::Refused(outcome));
    }
    let answered = read_impi(&answer.avps)?;
    // Vectors for one subscriber under the name of another would hand out somebody else's keys.
    if let (Some(asked), Some(answered)) = (asked, &answered)
        && !asked.as_str().eq_ignore_ascii_case(answered.as_str())
    {
        return Err(AnswerError::OtherSubscriber);
    }
    let (vectors, digest) = read_answer_items(&answer.avps)?;
    if vectors.is_empty() && digest.is_none() {
        return Err(AnswerError::Empty);
    }
    // The spelling that the UE uses is the one that enters its keys.
    Ok(HssAnswer { impi: asked.cloned().or(answered), vectors, digest, ..HssAnswer::default() })
}

/// User-Name, where it is there.
pub(super) fn read_impi(avps: &Avps) -> Result<Option<Impi>, Fault> {
    let user_name = avps.optional(&base::USER_NAME)?;
    user_name.map(|avp| Impi::parse(avp.text()?).map_err(|_| avp.invalid_value())).transpose()
}

/// The items of an answer, numbered from one.
pub(super) fn answer_items(vectors: &[AuthVector]) -> impl Iterator<Item = Avp> {
    vectors.iter().zip(1_u32..).map(|(vector, number)| {
        let nonce = [vector.rand.0, vector.autn.0].concat();
        cx::SIP_AUTH_DATA_ITEM.grouped(&[
            cx::SIP_ITEM_NUMBER.unsigned32(number),
            cx::SIP_AUTHENTICATION_SCHEME.text(DIGEST_AKAV1_MD5),
            cx::SIP_AUTHENTICATE.octets(&nonce),
            cx::SIP_AUTHORIZATION.octets(vector.xres.danger_expose()),
            cx::CONFIDENTIALITY_KEY.octets(vector.ck.danger_expose()),
            cx::INTEGRITY_KEY.octets(vector.ik.danger_expose()),
        ])
    })
}

/// The item of an answer with a digest credential.
pub(super) fn digest_item(credential: &DigestCredential) -> Avp {
    let mut inside = vec![
        digest::DIGEST_REALM.text(&credential.realm),
        digest::DIGEST_ALGORITHM.text(&credential.algorithm),
    ];
    inside.extend(credential.qop.as_ref().map(|qop| digest::DIGEST_QOP.text(qop)));
    let ha1 = Zeroizing::new(hex::encode(credential.ha1.danger_expose()));
    inside.push(digest::DIGEST_HA1.text(&ha1));
    cx::SIP_AUTH_DATA_ITEM.grouped(&[
        cx::SIP_AUTHENTICATION_SCHEME.text(SIP_DIGEST),
        cx::SIP_DIGEST_AUTHENTICATE.grouped(&inside),
    ])
}

/// Public-Identity, where it is there.
pub(super) fn read_impu(avps: &Avps) -> Result<Option<Impu>, Fault> {
    let identity = avps.optional(&cx::PUBLIC_IDENTITY)?;
    identity.map(|avp| Impu::parse(avp.text()?).map_err(|_| avp.invalid_value())).transpose()
}

/// Reads all items of an answer, in the order of their numbers; an item without a number keeps its place.
fn read_answer_items(avps: &Avps) -> Result<(Vec<AuthVector>, Option<DigestCredential>), Fault> {
    let mut numbered = Vec::new();
    let mut digest = None;
    for (item, place) in avps.all(&cx::SIP_AUTH_DATA_ITEM).zip(1_u32..) {
        let inside = item.grouped()?;
        if let Some(credential) = inside.optional(&cx::SIP_DIGEST_AUTHENTICATE)? {
            digest = Some(read_digest(credential)?);
            continue;
        }
        let number = inside.optional(&cx::SIP_ITEM_NUMBER)?.map(Avp::unsigned32).transpose()?;
        numbered.push((number.unwrap_or(place), read_vector(&inside)?));
    }
    numbered.sort_by_key(|(number, _)| *number);
    Ok((numbered.into_iter().map(|(_, vector)| vector).collect(), digest))
}

fn read_vector(inside: &Avps) -> Result<AuthVector, Fault> {
    check_scheme(inside)?;
    let authenticate = inside.required(&cx::SIP_AUTHENTICATE)?;
    let mut reader = Reader::new(authenticate.data().danger_expose());
    let (rand, autn) = match (reader.array(), reader.array(), reader.is_empty()) {
        (Ok(rand), Ok(autn), true) => (Rand(rand), Autn(autn)),
        _ => return Err(authenticate.invalid_length()),
    };
    let authorization = inside.required(&cx::SIP_AUTHORIZATION)?;
    let xres =
        Res::new(authorization.data().danger_expose()).ok_or_else(|| authorization.invalid_length())?;
    let ck = key::<Ck>(inside, &cx::CONFIDENTIALITY_KEY)?;
    let ik = key::<Ik>(inside, &cx::INTEGRITY_KEY)?;
    Ok(AuthVector { rand, autn, xres, ck, ik })
}

fn key<K: for<'a> TryFrom<&'a [u8]>>(inside: &Avps, def: &AvpDef) -> Result<K, Fault> {
    let avp = inside.required(def)?;
    K::try_from(avp.data().danger_expose()).map_err(|_| avp.invalid_length())
}

fn read_digest(credential: &Avp) -> Result<DigestCredential, Fault> {
    let inside = credential.grouped()?;
    let text = |def| inside.optional(def)?.map(|avp: &Avp| avp.text().map(str::to_owned)).transpose();
    let ha1 = inside.required(&digest::DIGEST_HA1)?;
    Ok(DigestCredential {
        realm: inside.required(&digest::DIGEST_REALM)?.text()?.to_owned(),
        algorithm: text(&digest::DIGEST_ALGORITHM)?.unwrap_or_else(|| "MD5".to_owned()),
        qop: text(&digest::DIGEST_QOP)?,
        ha1: hex::decode_secret(ha1.text()?).ok_or_else(|| ha1.invalid_value())?,
    })
}
