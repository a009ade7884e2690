use super::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn presets_have_names_of_their_own() {
    for (i, one) in Preset::ALL.iter().enumerate() {
        assert!(
            Preset::ALL
                .iter()
                .skip(i + 1)
                .all(|other| one.name() != other.name())
        );
    }
}

#[test]
fn presets_are_what_the_libraries_begin_with() {
    let seconds = Duration::from_secs;
    let of = |preset: Preset| {
        let policy = preset.policy();
        let open = policy.open.duration;
        (policy.minimum_requests, open, policy.half_open.probes)
    };
    assert_eq!(of(Preset::Opossum), (1, seconds(30), 1));
    assert_eq!(of(Preset::Resilience4j), (100, seconds(60), 10));
    assert_eq!(of(Preset::Gobreaker), (20, seconds(60), 1));
    assert_eq!(of(Preset::Envoy), (20, seconds(30), 0));
    assert_eq!(of(Preset::Hystrix), (20, seconds(5), 1));
    assert_eq!(Preset::Gobreaker.policy().trip, consecutive(SIX));
    assert_eq!(Preset::Envoy.policy().trip, consecutive(FIVE));
    assert_eq!(Preset::Envoy.policy().open.max, seconds(300));
    for preset in Preset::ALL {
        assert_eq!(preset.classes(), Classes::default());
    }
}
