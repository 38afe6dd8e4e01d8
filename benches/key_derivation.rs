//! What a NAF key costs beside the one HMAC-SHA-256 that it cannot do without.

mod figure;

use figure::Figure;
use ksnaf_proto::aka::Rand;
use ksnaf_proto::gba::{Ks, NafId, UaSecurityProtocolId, kdf};
use ksnaf_proto::identity::{Fqdn, Impi};
use std::hint::black_box;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ks = Ks::new([0x5a; 32]);
    let rand = Rand([0xa5; 16]);
    let impi = Impi::parse("001010123456789@ims.mnc001.mcc001.3gppnetwork.org")?;
    let naf_id = NafId::new(Fqdn::parse("naf.lab.example")?, UaSecurityProtocolId::HTTP_DIGEST);
    // FC, label, RAND, IMPI, NAF_Id and the four lengths, as one parameter of the same number of octets.
    let string = vec![0; 6 + 16 + impi.as_str().len() + naf_id.octets().len() + 6];

    let naf_key = Figure::side_by_side(
        "gba/naf key",
        0.7,
        || kdf::ks_naf(black_box(&ks), &rand, &impi, &naf_id),
        || kdf::kdf(black_box(ks.danger_expose()), 1, &[&string]),
    );
    figure::write("key_derivation", &[naf_key])
}
