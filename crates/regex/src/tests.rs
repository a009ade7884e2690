use super::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod cost;
mod oracle;
mod refusals;

/// Each value, between `/`, matches or does not; `""` is no value, `"/"` the empty one.
#[track_caller]
fn check(pattern: &str, accepted: &str, refused: &str) {
    let compiled = Pattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    for (values, expect) in [(accepted, true), (refused, false)] {
        for value in values.split('/').filter(|_| !values.is_empty()) {
            assert_eq!(
                compiled.is_match(value.as_bytes()),
                expect,
                "{pattern:?} on {value:?}"
            );
        }
    }
}

#[test]
fn a_whole_value_matches_and_no_part_of_it() {
    check("abc", "abc", "/ab/abcd/xabc/abc\n/ABC");
    check("", "/", "a/\n");
    check("^abc$", "abc", "abcd/abc\n");
    check("a|b", "a/b", "ab/");
    check("a|bc|d+|", "a/bc/d/dd/", "ab/c/ad/bcd");
    check("(|a)(b|)", "/a/b/ab", "ba/aa");
    check("(a|b)|c(d|e(f|g))h|i", "a/b/cdh/cefh/cegh/i", "ch/ceh/cfh/ah/h/");
    check("^^a$$", "a", "aa");
    check("a^b|a$b|^$", "/", "ab/a/b");
    check("(^a|b)+", "a/ab/b/abb", "aa/ba");
    check("(a$|b)+", "a/ba/b", "aa/ab");
}

#[test]
fn repetitions_count() {
    check("a*", "/a/aaaa", "b/ab");
    check("a+", "a/aaaa", "/b");
    check("a?b", "b/ab", "aab/a");
    check("a{3}", "aaa", "aa/aaaa/");
    check("a{2,}", "aa/aaaaa", "a/");
    check("a{2,4}", "aa/aaa/aaaa", "a/aaaaa");
    check("a{0,2}b", "b/ab/aab", "aaab");
    check("a{0,}b", "b/ab/aaab", "");
    check("a{0,1}", "/a", "aa");
    check("xa{0}y", "xy", "xay");
    check("x(a|b){0,0}y", "xy", "xay");
    check("(ab|c){2,3}", "abab/abc/cab/ccc/ababab", "ab/cccc/aba");
    check("(a{2}){2}|((b{1,2})c){2}", "aaaa/bcbbc", "aaa/bc/bcbbbc");
    check("(a*)*b", "b/aab", "a");
    check("((a?){3}){2}", "/a/aaaaaa", "aaaaaaa");
    check("(a+|b*)+?c??d*?e{1,2}?", "e/aabbce/dee", "eee/cc");
    check("(){5}(?:)*x()+", "x", "");
    check("(a|b|){2}c", "c/ac/abc/bbc", "abac");
    check("(?U)a+b*", "ab/a", "b");
    check("é{2}", "éé", "é/\u{e9}a");
}

#[test]
fn loops_may_be_longer_than_a_word_of_states() {
    let (a, b) = ("a".repeat(70), "b".repeat(70));
    check(
        "(a{70})+",
        &format!("{a}/{a}{a}/{a}{a}{a}"),
        &format!("{a}a//{a}{b}"),
    );
    check(
        "(a{70}|b{70})*c",
        &format!("c/{a}c/{a}{b}{a}c/{b}{b}c"),
        &format!("{a}/{a}bc/{b}ac"),
    );
    check(
        "((a{70})*b{70})*",
        &format!("/{b}/{a}{a}{b}{b}{a}{b}"),
        &format!("{a}/{b}{a}/{a}{b}{a}"),
    );
    check(
        "(a?b{200}c?)*",
        &format!("/{b}{b}{}c/a{b}{b}{}", "b".repeat(60), "b".repeat(60)),
        &a,
    );
}

#[test]
fn classes_hold_what_they_say() {
    check("[a-cx]", "a/b/c/x", "d//ab/-");
    check("[^a-c]", "d/\n/é/\u{10ffff}", "a/b/c/");
    check("[]a]+", "]a/a", "[/");
    check("[^]a]", "b/[", "]/a");
    check("[-a]|[b-]", "-/a/b", "");
    check("[a-a]", "a", "b/-");
    check("[a-c-e]", "a/b/c/-/e", "d");
    check(r"[\]\[\-\\^]", "]/[/-/\\/^", "a");
    check(r"[\d.]+", "1.2/0", "a/");
    check(r"[^\d]", "a", "1");
    check(r"[\D1]", "a/1/é", "2");
    check(r"[^\W\d]", "a/_", "1/-/é");
    check(r"\d\D\w\W\s\S", "1a_- x/9 Z\n\tx", "11_- x/1é1- \n");
    check(r"\s+", " \t\n\r\u{b}\u{c}", "\u{a0}/a");
    check("[[:alpha:]_]+", "aZ_", "1/é");
    check("[[:^digit:]x]", "a/x/é", "1");
    check("[^[:space:][:punct:]]", "a/1", " /!/~/@/`");
    check("[[:xdigit:]]+", "09afAF", "g/G");
    check("[:a]", ":/a", "l");
    check("[à-ÿ€]", "é/ÿ/€", "a/ß");
    check("[^à-ÿ]", "a/ß/€", "é");
    check("[z-à]", "z/\u{7f}/\u{80}/à", "y/á");
    check(r"[\x41-\x{43}\u0061\n]", "A/B/C/a/\n", "D/b");
    check("[&~a-b|.*+?(){}$]+", "&~|.*+?(){}$", "c");
}

#[test]
fn the_posix_classes_are_those_of_ascii() {
    type Test = fn(&u8) -> bool;
    let classes: [(&str, Test); 14] = [
        ("alnum", u8::is_ascii_alphanumeric),
        ("alpha", u8::is_ascii_alphabetic),
        ("ascii", u8::is_ascii),
        ("blank", |c| matches!(c, b' ' | b'\t')),
        ("cntrl", u8::is_ascii_control),
        ("digit", u8::is_ascii_digit),
        ("graph", u8::is_ascii_graphic),
        ("lower", u8::is_ascii_lowercase),
        ("print", |c| matches!(c, b' '..=b'~')),
        ("punct", u8::is_ascii_punctuation),
        ("space", |c| c.is_ascii_whitespace() || *c == 11),
        ("upper", u8::is_ascii_uppercase),
        ("word", |c| c.is_ascii_alphanumeric() || *c == b'_'),
        ("xdigit", u8::is_ascii_hexdigit),
    ];
    for (name, within) in classes {
        let class = Pattern::parse(&format!("[[:{name}:]]")).unwrap();
        let others = Pattern::parse(&format!("[[:^{name}:]]")).unwrap();
        for byte in 0..=255_u8 {
            assert_eq!(class.is_match(&[byte]), within(&byte), "{name} {byte}");
            assert_eq!(others.is_match(&[byte]), !within(&byte), "{name} {byte}");
        }
    }
}

#[test]
fn escapes_stand_for_characters() {
    check(r"\x41\x{42}\x{1F600}\u0043\u{44}\U00000045", "AB\u{1f600}CDE", "");
    check(r"\t\n\r\f\v\a", "\t\n\r\u{c}\u{b}\u{7}", "tnrfva");
    check(
        r"\.\*\+\?\(\)\[\]\{\}\|\^\$\\\-\_\ \&\~\#\@",
        r".*+?()[]{}|^$\-_ &~#@",
        "",
    );
    assert!(Pattern::parse(r"\/v1\/").unwrap().is_match(b"/v1/"));
    check("a}]b", "a}]b", "ab");
    check("ж[жз]", "жж/жз", "ж/зж");
}

#[test]
fn assertions_look_at_both_sides() {
    check(r"\Aa\z", "a", "a\n/ba");
    check(r"\ba\b", "a", "");
    check(r"a\b.*", "a/a b/a-", "ab/a_/a1");
    check(r"a\B.*", "ab/a_/a1", "a/a b/a-");
    check(r"\B|\b-|-\b", "/", "-");
    check(r"é\b.*", "éa", "é/éé");
    check("a$.b", "", "a\nb");
    check(r"(?m)a$\n^b", "a\nb", "ab");
    check(r"(?m)^a$(?s:.)*", "a/a\n/a\nb", "ab");
    check(r"(?m)\Aa\n\Ab|a\z\nb", "", "a\nb");
    check(r"(?m:a$)\nb$", "a\nb", "a\nb\n");
}

#[test]
fn flags_hold_to_the_end_of_their_group() {
    check("(?i)gold", "gold/GOLD/gOlD", "g0ld");
    check("(?i:a)b", "ab/Ab", "AB/aB");
    check("a(?i)b|c", "ab/aB/c/C", "Ab");
    check("(a(?i)b)c", "abc/aBc", "aBC");
    check("(?i)a(?-i)b", "ab/Ab", "aB");
    check("(?i-s:a.)", "ab/AB", "a\n");
    check("(?is)a.(?-s).", "a\nb/A\nb", "a\n\n");
    check("(?i)[a-c][^x]", "aa/BB/Cy", "ax/aX/da");
    check("(?i)[k-\u{e9}]", "k/K/z/Z/é", "j/J/ê");
    check("(?i)é|k", "é/k/K", "É/\u{212a}");
    check("(?i)[[:upper:]][[:^lower:]]", "a1/A-", "aa/aA");
    check(r"(?i)[@-\[{]", "@/a/A/z/[/{", "`/}");
    check(".", "a/é/\u{1f600}/\r", "\n/ab/");
    check("(?s).", "\n", "");
    check("(?P<year>[0-9]+)-(?<m_1>x)", "2026-x", "-x");
}

#[test]
fn a_byte_that_is_no_character_is_one_that_equals_none() {
    let cases: [(&str, &[u8], bool); 16] = [
        (".", b"\xff", true),
        ("..", b"\xe2\x82", true),
        (".", b"\xe2\x82", false),
        (".", b"\xe2\x82\xac", true),
        ("..", b"\xc0\x80", true),
        ("...", b"\xed\xa0\x80", true),
        ("....", b"\xf4\x90\x80\x80", true),
        ("[^a]", b"\x80", true),
        (r"\D\W\S[\D]", b"\x80\x81\xfe\xff", true),
        (r"[^\D]", b"\x80", false),
        (r"[^\x{0}-\x{10ffff}]", b"\x80", true),
        (r"[\x{0}-\x{10ffff}]", b"\x80", false),
        (r"\x{80}", b"\x80", false),
        (r"\x{80}", b"\xc2\x80", true),
        ("/admin/.*", b"/admin/\xff\xfe", true),
        ("é", b"\xc3", false),
    ];
    for (pattern, value, expect) in cases {
        assert_eq!(
            Pattern::parse(pattern).unwrap().is_match(value),
            expect,
            "{pattern} {value:?}"
        );
    }
}

#[test]
fn patterns_are_equal_if_their_automata_are() {
    assert_eq!(Pattern::parse("a+"), Pattern::parse("(a)+?"));
    assert_ne!(Pattern::parse("a.c"), Pattern::parse("a[^c]c"));
    assert_ne!(Pattern::parse("[é]"), Pattern::parse("[è]"));
    assert_eq!(Pattern::parse("abc").unwrap().size(), 4);
    assert_eq!(Pattern::parse("(?:a|[bc]){10}").unwrap().size(), 41);
}
