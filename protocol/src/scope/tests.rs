//! Properties. The cases are in `testdata/scopes.json` and `testdata/endpoints.json`.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

fn name() -> impl Strategy<Value = String> {
    "([a-z]{1,3}(\\.[a-z]{1,2})?:[0-9]{1,4}/)?[a-c0-9]{1,2}([._]|__|-{1,3})?[a-c]{1}(/[a-c]{1,2}){0,2}"
}

fn scope() -> impl Strategy<Value = Scope> {
    let actions = prop::collection::vec(
        select(vec!["pull", "push", "delete", "*", "metadata_read", "content/read"]),
        1..4,
    );
    (
        select(vec!["repository", "registry", "a", "a1"]),
        prop::option::of(select(vec!["plugin", "image"])),
        name(),
        actions,
    )
        .prop_map(|(resource_type, class, name, actions)| Scope {
            resource_type: resource_type.to_owned(),
            class: class.map(str::to_owned),
            name,
            actions: actions.into_iter().map(str::to_owned).collect(),
        })
}

/// Scopes as a token may hold them: any text in any part.
fn any_scope() -> impl Strategy<Value = Scope> {
    let part = "[a(:)b,]{0,3}";
    (part, prop::option::of(part), part, prop::collection::vec(part, 0..3))
        .prop_map(|(resource_type, class, name, actions)| Scope { resource_type, class, name, actions })
}

#[test]
fn names_with_a_port_are_sorted_by_their_printed_form() {
    let strings = ["repository:h:pull", "repository:h:5000/a:pull"];
    let set = ScopeSet::parse(&strings.join(" ")).unwrap();
    assert_eq!(set.to_strings(), ["repository:h:5000/a:pull", "repository:h:pull"]);
    assert_eq!(set.to_strings(), normalize(&strings));
    // Found by fuzzing: an action may begin with a digit, and hold a slash.
    let strings = ["repository:h:5000/azpull", "repository:h:5000/a:push"];
    assert_eq!(ScopeSet::parse(&strings.join(" ")).unwrap().to_strings(), normalize(&strings));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_reads_the_same(scope in scope()) {
        let mut canonical = scope.clone();
        canonical.drop_default_class();
        prop_assert_eq!(scope.to_string().parse(), Ok(canonical));
    }

    #[test]
    fn the_order_is_that_of_the_text(a in scope(), b in scope()) {
        prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
    }

    #[test]
    fn the_order_is_total_whatever_the_parts_hold(scopes in prop::collection::vec(any_scope(), 3)) {
        let [a, b, c] = &scopes[..] else { unreachable!() };
        prop_assert_eq!(a.cmp(b), b.cmp(a).reverse());
        prop_assert_eq!(a.cmp(b) == Ordering::Equal, a == b);
        if a <= b && b <= c {
            prop_assert!(a <= c);
        }
    }

    #[test]
    fn a_set_does_not_depend_on_order_or_repetition(scopes in prop::collection::vec(scope(), 0..12), swaps in prop::collection::vec(any::<(Index, Index)>(), 0..12)) {
        let set = ScopeSet::from(scopes.clone());
        let mut shuffled = scopes.clone();
        for (a, b) in swaps {
            if !shuffled.is_empty() {
                let (a, b) = (a.index(shuffled.len()), b.index(shuffled.len()));
                shuffled.swap(a, b);
                shuffled.push(shuffled[a].clone());
            }
        }
        prop_assert_eq!(&ScopeSet::from(shuffled), &set);
        // The same by way of text.
        let strings: Vec<String> = scopes.iter().map(Scope::to_string).collect();
        prop_assert_eq!(ScopeSet::parse(&strings.join(" ")), Ok(set.clone()));
        let strings: Vec<&str> = strings.iter().map(String::as_str).collect();
        prop_assert_eq!(normalize(&strings), set.to_strings());
    }

    #[test]
    fn a_set_is_canonical(scopes in prop::collection::vec(scope(), 0..12)) {
        let set = ScopeSet::from(scopes.clone());
        prop_assert_eq!(&ScopeSet::from(set.as_slice().to_vec()), &set);
        let strings = set.to_strings();
        prop_assert!(strings.is_sorted());
        prop_assert_eq!(ScopeSet::parse(&set.to_string()), Ok(set.clone()));
        for scope in &set {
            prop_assert!(scope.actions.is_sorted() && (scope.actions.len() == 1 || !scope.actions.contains(&"*".to_owned())));
        }
        for scope in scopes {
            prop_assert!(set.is_superset(&ScopeSet::from(scope)));
        }
    }

    #[test]
    fn a_union_holds_both_and_nothing_else(a in prop::collection::vec(scope(), 0..6), b in prop::collection::vec(scope(), 0..6)) {
        let (a, b) = (ScopeSet::from(a), ScopeSet::from(b));
        let union = a.union(&b);
        prop_assert!(union.is_superset(&a) && union.is_superset(&b));
        prop_assert_eq!(&union, &b.union(&a));
        prop_assert_eq!(&a.union(&a), &a);
        prop_assert_eq!(a.is_superset(&b), union == a || a.is_superset(&union));
        for scope in &union {
            prop_assert!(a.iter().chain(&b).any(|part| part.cmp_resource(scope) == Ordering::Equal));
        }
    }

    #[test]
    fn normal_forms_are_stable_and_free_of_order(mut strings in prop::collection::vec("[a-b:*, ()]{0,12}|repository:[a-b]:(pull|push|\\*|)", 0..10)) {
        let list = |strings: &[String]| normalize(&strings.iter().map(String::as_str).collect::<Vec<_>>());
        let normal = list(&strings);
        prop_assert_eq!(&list(&normal), &normal);
        strings.reverse();
        prop_assert_eq!(&list(&strings), &normal);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,40}|[a-z:/(),* ]{0,60}") {
        if let Err(error) = parse_scopes(&text) {
            prop_assert!(error.position <= text.len());
        }
        let _ = scopes_for("GET", &text);
        let _ = Endpoint::parse("GET", &format!("/v2/{text}"));
    }

    #[test]
    fn what_is_relayed_is_put_together_again_from_its_parts(name in name(), tag in "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,5}") {
        let path = format!("/v2/{name}/manifests/{tag}");
        match Endpoint::parse("GET", &path) {
            Ok(endpoint) => prop_assert_eq!(endpoint, Endpoint::Manifest { name: &name, reference: &tag }),
            // A host with a port is a name in scopes, and none in paths.
            Err(error) => prop_assert_eq!((error, name.contains(':')), (EndpointError::Name, true)),
        }
    }

    #[test]
    fn only_plain_paths_are_relayed(path in "/v2/([a-z./%_~-]|\\PC){0,20}(/tags/list|/manifests/[a-z.%]{1,3})?") {
        if Endpoint::parse("GET", &path).is_ok() {
            prop_assert!(path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-:".contains(&byte)), "{}", path);
            prop_assert!(path.split('/').all(|segment| segment != "." && segment != ".."));
            prop_assert!(!path.contains("//"));
        }
    }
}

#[test]
fn constructors_of_scopes() {
    assert_eq!(Scope::repository("a/b", &["pull", "push"]).to_string(), "repository:a/b:pull,push");
    assert_eq!(Scope::catalog().to_string(), "registry:catalog:*");
}

#[test]
fn an_asterisk_covers_every_action_of_its_resource() {
    let scope = |text: &str| text.parse::<Scope>().unwrap();
    assert!(scope("repository:a:*").covers(&scope("repository:a:pull,push")));
    assert!(!scope("repository:a:pull").covers(&scope("repository:a:*")));
    assert!(!scope("repository:a:*").covers(&scope("repository:b:pull")));
    assert!(!scope("repository:a:*").covers(&scope("repository(plugin):a:pull")));
}

#[test]
fn scopes_without_actions_are_removed() {
    let empty = Scope { actions: Vec::new(), ..Scope::repository("a", &[]) };
    assert!(ScopeSet::from(vec![empty]).is_empty());
    assert_eq!(ScopeSet::new(), ScopeSet::default());
    assert_eq!(ScopeSet::parse("").map(|set| set.len()), Ok(0));
}

#[test]
fn the_limit_of_a_scope_is_exact() {
    let scope = format!("repository:a:{}", "x".repeat(MAX_SCOPE - 13));
    assert_eq!(scope.len(), MAX_SCOPE);
    assert!(scope.parse::<Scope>().is_ok());
    let error = format!("{scope}x").parse::<Scope>().unwrap_err();
    assert_eq!((error.kind, error.position), (ScopeErrorKind::TooLong, MAX_SCOPE));
    let mut list = "repository:a:pull ".repeat(MAX_SCOPE_LIST / 18);
    while list.len() < MAX_SCOPE_LIST {
        list.push(' ');
    }
    assert!(parse_scopes(&list).is_ok());
    list.push(' ');
    assert_eq!(parse_scopes(&list).map_err(|error| error.kind), Err(ScopeErrorKind::TooLong));
}

#[test]
fn errors_have_a_position_and_do_not_show_the_input() {
    let error = parse_scopes("repository:a:pull repository:Secret:pull").unwrap_err();
    assert_eq!(error.to_string(), "scope syntax: the name is malformed (byte 29)");
    assert_eq!(error.code(), "scope_name");
    assert_eq!(EndpointError::Method.to_string(), "the endpoint does not have this method");
}

#[test]
fn the_length_of_a_set_is_its_number_of_scopes() {
    for (text, count) in
        [("", 0), ("repository:a:pull", 1), ("repository:a:pull repository:a:push repository:b:pull", 2)]
    {
        let set = ScopeSet::parse(text).unwrap();
        assert_eq!((set.len(), set.is_empty()), (count, count == 0), "{text}");
    }
}

#[test]
fn the_limit_of_a_path_is_exact() {
    let start = "/v2/a/blobs/uploads/";
    let path = |length: usize| format!("{start}{}", "i".repeat(length - start.len()));
    // Too long an id, and not too long a path; then too long a path.
    assert_eq!(Endpoint::parse("GET", &path(1024)), Err(EndpointError::Reference));
    assert_eq!(Endpoint::parse("GET", &path(1025)), Err(EndpointError::Character));
}
