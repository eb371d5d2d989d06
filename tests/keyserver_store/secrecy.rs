//! The content of the store reveals no secrets.

use dockpass_tests::demo::Kind;

use crate::harness::{Cluster, KIND, Options, claims};

/// Names are a prefix, a letter and hex digits; every entry expires; and no token, user, password, registry, address or
/// session is in a name or a value.
// Threats: CCH-07, CCH-08, INJ-10, LOG-01.
pub(crate) async fn a_dump_of_the_store_reveals_neither_token_nor_user() {
    dump_reveals_nothing(KIND).await;
    // Here the sessions contain refresh tokens, which are replaced at each use.
    dump_reveals_nothing(Kind::Token).await;
}

async fn dump_reveals_nothing(kind: Kind) {
    let cluster = Cluster::shared(Options { kind, ..Options::default() }).await;
    let mut canaries: Vec<String> =
        cluster.users.iter().flat_map(|(name, password)| [name.clone(), password.clone()]).collect();
    canaries.push(cluster.registry());
    canaries.push("127.0.0.1".to_owned());
    canaries.push("vault/keys".to_owned());
    for user in 0..2 {
        let session = cluster.login(user, user).await;
        let reply = cluster.ask(0, Some(&session), "repository:vault/keys:pull").await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let token = reply.json()["token"].as_str().unwrap().to_owned();
        let replaced = reply.json()["session"].as_str().map(str::to_owned);
        assert_eq!(replaced.is_some(), kind == Kind::Token, "a new session for a new refresh token");
        let replaced = replaced.unwrap_or_default();
        canaries.extend(replaced.split('.').filter(|part| part.len() > 12).map(str::to_owned));
        canaries.push(claims(&token)["jti"].as_str().unwrap().to_owned());
        canaries.extend(token.split('.').map(str::to_owned));
        canaries.extend(session.split('.').filter(|part| part.len() > 12).map(str::to_owned));
        canaries.push("repository:vault/keys:pull".to_owned());
        assert_eq!(cluster.try_login(0, user, "canary-which-is-wrong").await.status, 401);
        let ended = cluster.login(1, user).await;
        assert_eq!(cluster.logout(1, &ended).await.status, 204);
    }
    canaries.push("canary-which-is-wrong".to_owned());
    canaries.push("refresh-".to_owned());
    cluster.token(0, None, "repository:library/alpine:pull").await;

    let dump = cluster.redis().dump().await.unwrap();
    let kinds = |letter: &str| {
        dump.iter().filter(|(name, ..)| name.starts_with(&format!("dockpass:{letter}:"))).count()
    };
    assert_eq!(kinds("s"), if kind == Kind::Token { cluster.users.len() } else { 0 }, "replaced sessions");
    assert!(kinds("t") >= 3 && kinds("c") >= 3, "tokens and counters are there: {:?}", names(&dump));
    for (name, value, left_ms) in &dump {
        if name != "dockpass:revoked" {
            let digits = name.rsplit(':').next().unwrap();
            assert!(digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{name}");
        }
        assert!(*left_ms > 0, "{name} ends by itself");
        for canary in &canaries {
            let canary = canary.as_bytes();
            assert!(!value.windows(canary.len()).any(|part| part == canary), "a secret is in {name}");
            assert!(!name.contains(std::str::from_utf8(canary).unwrap()), "a secret is in a name");
        }
    }
    cluster.end().await;
}

fn names(dump: &[(String, Vec<u8>, i64)]) -> Vec<&str> {
    dump.iter().map(|(name, ..)| name.as_str()).collect()
}
