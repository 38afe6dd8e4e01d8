//! Configuration that the program cannot use: exit status 2, and a message with the file, the line and the key.

use crate::people::Person;
use crate::program::Place;
use ksnaf_proto::gba::GbaMode;

#[test]
fn a_file_that_is_wrong_is_told_by_name_line_and_key() {
    let place = Place::empty();
    let cases = [
        ("[ub]\nlisen = \"127.0.0.1:0\"\n", "line 2: [ub] lisen"),
        ("[ub]\nlisten = \"somewhere\"\n", "line 2: [ub] listen = \"somewhere\""),
        ("\n\n[bsf]\nkey_lifetime = \"soon\"\n", "line 4: [bsf] key_lifetime = \"soon\""),
        ("[bsf]\nfqdn = \"a b\"\n", "line 2: [bsf] fqdn"),
        ("[[naf]]\nfqdn = \"n.example\"\nua_protocols = [\"zz\"]\n", "line 3: [naf] ua_protocols"),
        ("[card]\nuse = 7\n", "line 2: [card] use = 7"),
        ("[ua_proxy]\ncoap_upstream = \"127.0.0.1:5683\"\n", "line 2: [ua_proxy] coap_upstream"),
        ("[ua_proxy]\ncoap_upstream = \"coap://cse/path\"\n", "line 2: [ua_proxy] coap_upstream"),
        ("[kitchen]\n", "kitchen"),
        ("[ub\n", "line 1"),
        ("[ub]\nlisten = \"127.0.0.1:0\"\nlisten = \"127.0.0.1:0\"\n", "line 3: [ub] listen"),
    ];
    for (content, expected) in cases {
        let file = place.file("ksnaf.toml", content);
        for command in [&["serve"][..], &["lab", "--once"], &["subscriber", "list"], &["card", "list"]] {
            let arguments = [command, &["--config", file.to_str().unwrap()]].concat();
            place.run(&arguments).failed(2, &[file.to_str().unwrap(), expected]);
        }
    }
    place.run(&["serve", "--config", "not-there.toml"]).failed(2, &["not-there.toml: No such file"]);
    place.finish();
}

#[test]
fn an_override_that_is_wrong_is_told_by_its_origin_and_key() {
    let place = Place::empty();
    place.run(&["serve", "--set", "ub.listen=x"]).failed(2, &["--set ub.listen=x: ub.listen"]);
    place.run(&["serve", "--set", "ub.lisen=1"]).failed(2, &["--set ub.lisen=1", "lisen"]);
    place.run(&["serve", "--set", "ub.listen"]).failed(2, &["write it as key=value"]);
    for (variable, key) in
        [("KSNAF_UB__LISTEN", "ub.listen"), ("KSNAF_BSF__KEY_LIFETIME", "bsf.key_lifetime")]
    {
        let output = place.command(&["serve"]).env(variable, "x").output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(message.contains(&format!("{variable}: {key}")), "{message}");
    }
    place.finish();
}

#[test]
fn values_that_do_not_go_together_name_what_is_missing() {
    let place = Place::empty();
    let listen = "ub.tls_listen=127.0.0.1:0";
    place
        .run(&["serve", "--set", listen])
        .failed(2, &["ub.tls_listen needs ub.tls_certificate and ub.tls_key"]);
    let others = "bsf.other_bootstraps=[\"2g\"]";
    place.run(&["serve", "--set", others]).failed(2, &["bsf.other_bootstraps needs ub.tls_listen"]);
    let digest = "ue.bootstrap=digest";
    place.run(&["serve", "--set", digest]).failed(2, &["needs ue.digest_file"]);
    let two_g = ["serve", "--set=ue.bootstrap=2g", "--set=card.use=sim", "--set=ue.bsf=http://127.0.0.1:1/"];
    place.run(&two_g).failed(2, &["over TLS only", "https"]);
    let listen = "api.tls_listen=127.0.0.1:0";
    place.run(&["serve", "--set", listen]).failed(2, &["api.tls_listen needs", "api.client_ca"]);
    let peer = "--set=zh.peer=127.0.0.1:1";
    for (source, further, missing) in [
        ("diameter", &[][..], "needs zh.peer"),
        ("cx", &[], "needs zh.peer"),
        ("gsup", &[], "needs zh.peer"),
        ("nhss", &[peer], "needs zh.base_url"),
        ("nudm", &[], "needs zh.base_url"),
        ("nhss", &["--set=zh.base_url=https://hss.example"], "needs zh.ca"),
        (
            "nudm",
            &["--set=zh.base_url=http://udm.example", "--set=zh.oauth.client_id=x"],
            "needs zh.oauth.token_url",
        ),
        ("gsup", &[peer, "--set=zh.timeout=1h"], "zh.timeout must be shorter than ub.request_timeout"),
    ] {
        let set = format!("--set=zh.source={source}");
        place.run(&[&["serve", &set], further].concat()).failed(2, &[missing]);
    }
    for (set, told) in [
        ("zh.source=hlr", "zh.source: unknown variant"),
        ("zh.peer=nowhere", "zh.peer: \"nowhere\": write it as host:port"),
        ("zh.base_url=ftp://x", "zh.base_url: \"ftp://x\": a URL begins with http:// or https://"),
        ("zh.http=3", "zh.http: "),
    ] {
        place.run(&["serve", "--set", set]).failed(2, &[told]);
    }
    let listen = "zn.sbi_tls_listen=127.0.0.1:0";
    place.run(&["serve", "--set", listen]).failed(2, &["zn.sbi_tls_listen needs", "zn.tls_key"]);
    place.finish();
}

#[test]
fn what_the_configuration_names_and_is_not_there_is_told_with_its_key_or_path() {
    let place = Place::empty();
    let ports = ["ub.listen", "api.listen", "zn.sbi_listen", "zn.diameter_listen"]
        .map(|key| format!("--set={key}=127.0.0.1:0"));
    let ports = ports.each_ref().map(String::as_str);
    let serve = |further: &[&str]| place.run(&[&["serve"], &ports[..], further].concat());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for key in ["ub.listen", "api.listen", "zn.sbi_listen", "zn.diameter_listen"] {
        let occupied = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = occupied.local_addr().unwrap().to_string();
        let set = format!("--set={key}={address}");
        serve(&[&set]).failed(2, &[&format!("{key} = \"{address}\""), "in use"]);
    }
    drop(taken);
    serve(&["--set=api.token_file=nowhere"]).failed(2, &["nowhere"]);
    let tokens = place.file("tokens", "cse 0123456789abcdef\nshort abc\n");
    let set = format!("--set=api.token_file={}", tokens.display());
    serve(&[&set]).failed(2, &["tokens: line 2", "at least 16 characters"]);
    serve(&["--set=card.use=sim", "--set=card.pin_file=nowhere"]).failed(2, &["card.pin_file nowhere"]);
    let zh = ["--set=zh.source=nhss", "--set=zh.base_url=https://hss.example", "--set=zh.ca=none.pem"];
    serve(&zh).failed(2, &["none.pem"]);
    let zh = [
        "--set=zh.source=nudm",
        "--set=zh.base_url=http://udm.example",
        "--set=zh.oauth.token_url=http://nrf.example/oauth2/token",
        "--set=zh.oauth.client_id=bsf",
        "--set=zh.oauth.secret_file=none.secret",
    ];
    serve(&zh).failed(2, &["zh.oauth.secret_file none.secret"]);
    let zh = ["--set=zh.source=cx", "--set=zh.peer=127.0.0.1:1", "--set=zh.realm=a b"];
    serve(&zh).failed(2, &["zh.realm: "]);
    serve(&["--set=card.use=tarot"]).failed(2, &["card \"tarot\""]);
    serve(&["--set=card.use=sim", "--set=ue.bsf=ftp://x"]).failed(2, &["ftp://x"]);
    serve(&["--set=card.use=sim", "--set=ue.bsf_name=a b"]).failed(2, &["ue.bsf_name"]);
    let tls =
        ["--set=ub.tls_listen=127.0.0.1:0", "--set=ub.tls_certificate=none.pem", "--set=ub.tls_key=none.key"];
    serve(&tls).failed(2, &["none.pem"]);
    let audience = "--set=zn.oauth.audience=[\"bsf\"]";
    serve(&[audience]).failed(2, &["zn.oauth", "public_keys"]);
    serve(&[audience, "--set=zn.oauth.public_keys=[\"nrf.pem\"]"]).failed(2, &["zn.oauth", "nrf.pem"]);
    serve(&["--set=zn.oauth.issuer=nrf"]).failed(2, &["audience"]);
    serve(&["--set=zn.relays=[\"not a name\"]"]).failed(2, &["zn.relays", "not a name"]);
    serve(&["--set=zn.diameter_listen=nowhere"]).failed(2, &["zn.diameter_listen", "off"]);
    serve(&["--ready-file", "no/such/dir/ready"]).failed(2, &["--ready-file no/such/dir/ready"]);
    place.finish();
}

#[test]
fn a_data_directory_that_cannot_be_made_or_is_damaged_says_so() {
    let place = Place::empty();
    let file = place.file("a-file", "");
    let set = format!("data_dir={}/below", file.display());
    let ran = place.run(&["serve", "--set", &set]);
    ran.failed(2, &["data_dir", "Not a directory"]);

    let place_of_lab = Place::of(&Person::new(GbaMode::U));
    place_of_lab.run(&["lab", "--once"]).ok();
    std::fs::write(place_of_lab.data_dir().join("store.key"), "00".repeat(32)).unwrap();
    let ran = place_of_lab.run(&["lab", "--once"]);
    assert_eq!(ran.status, 1, "{ran:#?}");
    assert!(ran.message().contains("key"), "{ran:#?}");
    place_of_lab.finish();
    place.finish();
}
