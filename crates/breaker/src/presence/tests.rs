use super::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[derive(Default)]
struct Shared(Option<Vec<u8>>);

impl Shared {
    fn register(&mut self) -> u32 {
        let mut new = Vec::new();
        let Step::Write(instance) = Presence::register(u64::MAX - 5, self.0.as_deref(), &mut new) else {
            panic!("not written");
        };
        assert!(new.len() <= Presence::SHARED_BYTES as usize);
        self.0 = Some(new);
        instance
    }

    fn beat(&mut self, instance: u32) {
        let mut new = Vec::new();
        assert_eq!(
            Presence::beat(instance, self.0.as_deref(), &mut new),
            Step::Write(())
        );
        assert!(new.len() <= Presence::SHARED_BYTES as usize);
        self.0 = Some(new);
    }
}

#[derive(Default)]
struct Observer(Option<Vec<u8>>);

impl Observer {
    fn observe(&mut self, shared: &Shared) {
        let mut new = Vec::new();
        if let Step::Write(()) = Presence::observe(shared.0.as_deref(), self.0.as_deref(), &mut new) {
            assert!(new.len() <= Presence::SEEN_BYTES as usize);
            self.0 = Some(new);
        }
    }

    fn sees(&self, instance: u32) -> bool {
        Presence::live(instance, self.0.as_deref())
    }
}

#[test]
fn who_has_not_beaten_for_five_ticks_is_dead() {
    let (mut shared, mut observer) = (Shared::default(), Observer::default());
    let (one, other) = (shared.register(), shared.register());
    observer.observe(&shared);
    for tick in 1..=10 {
        shared.beat(one);
        observer.observe(&shared);
        assert!(observer.sees(one));
        assert_eq!(observer.sees(other), tick < 5, "{tick}");
    }
    shared.beat(other);
    observer.observe(&shared);
    assert!(observer.sees(other), "it was only slow");
}

#[test]
fn who_has_seen_nothing_takes_all_for_alive() {
    assert!(Observer::default().sees(7));
}

#[test]
fn one_that_began_after_the_last_look_is_alive() {
    let (mut shared, mut observer) = (Shared::default(), Observer::default());
    let one = shared.register();
    for _ in 0..10 {
        shared.beat(one);
        observer.observe(&shared);
    }
    let new = shared.register();
    assert!(observer.sees(new));
}

#[test]
fn numbers_are_never_given_twice_even_around_the_end() {
    let mut shared = Shared::default();
    let mut given = Vec::new();
    for _ in 0..300 {
        let instance = shared.register();
        assert_ne!(instance, 0);
        assert!(!given.contains(&instance));
        given.push(instance);
    }
}

#[test]
fn a_dead_ones_place_is_given_away_and_it_stays_dead() {
    let (mut shared, mut observer) = (Shared::default(), Observer::default());
    let dead = shared.register();
    let alive: Vec<u32> = (1..Presence::PLACES).map(|_| shared.register()).collect();
    for instance in &alive {
        shared.beat(*instance);
    }
    let new = shared.register();
    observer.observe(&shared);
    assert!(!observer.sees(dead));
    assert!(observer.sees(new) && alive.iter().all(|instance| observer.sees(*instance)));
}

#[test]
fn one_whose_place_was_given_away_comes_back_by_beating() {
    let (mut shared, mut observer) = (Shared::default(), Observer::default());
    let slow = shared.register();
    for _ in 0..Presence::PLACES {
        shared.register();
    }
    observer.observe(&shared);
    assert!(!observer.sees(slow));
    shared.beat(slow);
    observer.observe(&shared);
    assert!(observer.sees(slow));
}

#[test]
fn bytes_that_are_foreign_count_as_absent() {
    let mut shared = Shared(Some(vec![1, 2, 3]));
    let instance = shared.register();
    let mut observer = Observer(Some(vec![9; 40]));
    assert!(observer.sees(instance));
    observer.observe(&shared);
    assert!(observer.sees(instance));
    shared.0 = Some(vec![1; 5 + 8 * 65]);
    shared.beat(instance);
    observer.observe(&shared);
    assert!(observer.sees(instance));
}
