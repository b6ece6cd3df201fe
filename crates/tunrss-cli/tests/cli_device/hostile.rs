//! Programs of others that say that they are ours, and ours taken away.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crate::answers::{Doctor, Show};
use crate::harness::{BINARY, one_object};
use crate::net::{Net, succeed};
use crate::settings::InForce;

/// What is loaded with CAP_BPF alone and could not be read safely, or is not ours, changes nothing: no
/// command ends by it, believes it or writes to it.
#[test]
#[ignore = "cargo xtask test bpf"]
fn forged_programs_are_passed_over() {
    let net = Net::with_device(4);
    let forgery = Forgery::on(&net);
    let forgeries = [
        // The kernel writes a value for each CPU.
        Forgery { map_type: PERCPU_ARRAY, ..forgery },
        Forgery { map_type: PERCPU_ARRAY, value_size: 32_768, ..forgery },
        Forgery { map_type: PERCPU_ARRAY, program: "tunrss_filter", ..forgery },
        Forgery { map_type: PERCPU_ARRAY, program: "tunrss_queue", ..forgery },
        Forgery { map_type: PERCPU_HASH, ..forgery },
        Forgery { map_type: HASH, ..forgery },
        Forgery { map_type: HASH, key_size: 64, ..forgery },
        Forgery { entries: 2, ..forgery },
        Forgery { value_size: 64 << 20, ..forgery },
        Forgery { map: "evil.data", ..forgery },
        Forgery { program_type: SCHED_CLS, ..forgery },
    ];
    for forgery in forgeries {
        for uid in UIDS {
            let loaded = forgery.load(&net, uid);
            let show: Show = net.run("show t0 --json").json();
            assert!(show.steering.is_none() && show.claims.is_empty(), "{forgery:?}: {show:?}");
            let before = InForce::set(&net, "--weight 1,2,0,1 --report off").steering;
            assert!(net.run("set t0 --entry 0=2").answer().starts_with("set "), "{forgery:?}");
            let show: Show = net.run("show t0 --json").json();
            let mut table = before.table;
            table[0] = 2;
            assert_eq!(show.steering.unwrap().table, table);
            assert!(net.run("clear t0").answer().starts_with("removed "), "{forgery:?}");
            assert!(net.run("clear t0").answer().starts_with("nothing "), "{forgery:?}");
            loaded.end_as_it_was();
        }
    }
}

/// What says all that a program of ours says is told as what its loader claims: also root, if that process
/// did not have the right to set devices.
#[test]
#[ignore = "cargo xtask test bpf"]
fn forged_state_is_a_claim() {
    let net = Net::with_device(4);
    let forgery = Forgery::on(&net);
    for program in ["tunrss_steer", "tunrss_filter", "tunrss_queue"] {
        for uid in UIDS {
            let loaded = Forgery { program, ..forgery }.load(&net, uid);
            let told = format!("user {uid} claims to have set it as \"evil\" (program id ");
            let warned = |line: &str, code, answer: &str| {
                let run = net.run(line);
                let text = format!("{}{}", run.stdout, run.stderr);
                assert_eq!(run.code, Some(code), "{line}: {text}");
                assert!(run.stderr.contains(&told), "{line}: {text}");
                assert!(run.stdout.contains(answer), "{line}: {text}");
            };
            let show: Show = net.run("show t0 --json").json();
            assert_eq!((show.status.as_str(), show.steering), ("none", None));
            let [claim] = &show.claims[..] else { panic!("{:?}", show.claims) };
            assert!(claim.starts_with(&told), "{claim}");
            let text = net.run("show t0").answer();
            assert!(text.contains(&format!("Not believed: {told}")), "{text}");
            let run = net.run("doctor t0 --json");
            let notes = one_object::<Doctor>(&run.stdout).device.unwrap().notes;
            assert!(notes.iter().any(|note| note.contains(&told)), "{notes:?}");

            warned("clear t0", 0, "nothing of tunrss was set on");
            assert!(net.run("set t0 --entry 0=1 --force").code == Some(2));
            warned("set t0 --equal 4 --hkey microsoft --report off", 0, "set the steering of");
            warned("set t0 --entry 0=1 --force", 0, "set the steering of");
            let show: Show = net.run("show t0 --json").json();
            assert_eq!(show.steering.unwrap().table[..4], [1, 1, 2, 3]);
            warned("clear t0", 0, "removed steering");
            loaded.end_as_it_was();
        }
    }
}

/// A queue's holder takes away what report mode `kernel` needs: that is told, and set again.
#[test]
#[ignore = "cargo xtask test bpf"]
fn taken_away_by_a_queue_holder() {
    let net = Net::with_device(4);
    let take = |part: &str| succeed(net.command(&*HOSTILE).args(["take", "t0", part]));
    let told = |missing: &[&str]| {
        // The kernel has a program for a moment after it was taken away.
        let deadline = Instant::now() + Duration::from_secs(20);
        let show = loop {
            let run = net.run("show t0 --json");
            let show: Show = one_object(&run.stdout);
            let code = if show.missing.is_empty() { 0 } else { 1 };
            assert_eq!((run.code, run.stderr.as_str()), (Some(code), ""));
            if show.missing.len() >= missing.len() {
                break show;
            }
            assert!(Instant::now() < deadline, "{:?}", show.missing);
        };
        let starts = show.missing.iter().zip(missing);
        assert!(starts.clone().all(|(text, start)| text.starts_with(start)), "{:?}", show.missing);
        assert_eq!((show.missing.len(), show.status.as_str()), (missing.len(), "ours"));
        let run = net.run("show t0");
        let lines = run.stdout.lines().filter_map(|line| line.strip_prefix("Missing: "));
        assert!(lines.eq(show.missing.iter().map(String::as_str)), "{}", run.stdout);
        let run = net.run("doctor t0 --json");
        let problems = one_object::<Doctor>(&run.stdout).device.unwrap().problems;
        assert_eq!(problems.len(), missing.len());
        assert!(problems.iter().zip(missing).all(|(text, start)| text.starts_with(start)));
        assert!(missing.is_empty() || run.code == Some(1));
        let mut capture = net.command(BINARY);
        capture.args(["capture", "t0"]).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut capture = capture.spawn().unwrap();
        let mut lines = BufReader::new(capture.stderr.take().unwrap()).lines();
        for start in missing {
            let line = lines.next().unwrap().unwrap();
            assert!(line.starts_with(&format!("warning: t0: {start}")), "{line}");
        }
        capture.kill().unwrap();
        capture.wait().unwrap();
    };
    const STEERING: &str = "the steering program is gone";
    const FILTER: &str = "the filter program is gone";
    const REPORT: &str = "the report program is gone";
    for hook in ["tcx", "clsact"] {
        let set = format!("set t0 --report kernel --hook {hook}");
        net.run(&set).answer();
        told(&[]);
        take("steering");
        told(&[STEERING]);
        net.run(&set).answer();
        // Within the second in which frames made before may come.
        take("steering");
        take("filter");
        told(&[STEERING, FILTER]);
        net.run(&set).answer();
        told(&[]);
        take("filter");
        told(&[FILTER]);
        assert!(net.run("clear t0").answer().starts_with("removed"));
        let show: Show = net.run("show t0 --json").json();
        assert_eq!((show.status.as_str(), show.missing), ("none", vec![]));
    }
    // From a mode without report: its steering program stays to help.
    net.run("set t0 --report off").answer();
    net.run("set t0 --report kernel --hook clsact").answer();
    told(&[]);
    take("steering");
    told(&[STEERING]);
    net.run("set t0 --report kernel").answer();
    told(&[]);
    // It stays where it was.
    succeed(net.command("tc").args(["filter", "del", "dev", "t0", "egress"]));
    told(&[REPORT]);
    let mut clsact = net.command("tc");
    net.run("set t0 --report kernel --hook clsact").answer();
    told(&[]);
    succeed(clsact.args(["qdisc", "del", "dev", "t0", "clsact"]));
    take("steering");
    told(&[REPORT, STEERING]);
    net.run("set t0 --report kernel").answer();
    told(&[]);
    assert!(net.run("clear t0").answer().starts_with("removed"));
}

/// A program in clsact is lost where its device moves to another network namespace; the filter that drops
/// everything is not.
#[test]
#[ignore = "cargo xtask test bpf"]
fn report_program_lost_in_a_move() {
    let from = Net::with_device(4);
    let to = Net::new();
    from.run("set t0 --report kernel --hook clsact").answer();
    from.ip(&format!("link set t0 netns {} name t1", to.name()));
    let run = to.run("show t1 --json");
    let show: Show = one_object(&run.stdout);
    assert_eq!((run.code, show.status.as_str()), (Some(1), "ours"));
    assert!(show.missing[0].starts_with("the report program is gone"), "{:?}", show.missing);
    let run = to.run("doctor t1 --json");
    let problems = one_object::<Doctor>(&run.stdout).device.unwrap().problems;
    assert_eq!((run.code, problems.len()), (Some(1), 1), "{problems:?}");
    to.run("set t1 --report kernel").answer();
    assert_eq!(to.run("show t1 --json").json::<Show>().missing, [""; 0]);
    assert!(to.run("clear t1").answer().starts_with("removed"));

    // Cleared instead of set.
    to.run("set t1 --report kernel --hook clsact").answer();
    to.ip(&format!("link set t1 netns {} name t0", from.name()));
    // What has its number there now is another device.
    assert!(from.run("clear t0").answer().starts_with("removed"));
    assert_eq!(from.run("show t0 --json").json::<Show>().status, "none");
}

/// A program as somebody makes it who has CAP_BPF alone.
#[derive(Clone, Copy, Debug)]
struct Forgery {
    program_type: u32,
    program: &'static str,
    map_type: u32,
    map: &'static str,
    key_size: u32,
    value_size: usize,
    entries: u32,
    /// The device that it says it is for.
    index: u32,
}

impl Forgery {
    /// One that looks in every way like the steering program of `t0`.
    fn on(net: &Net) -> Self {
        let link = net.ip("-o link show t0");
        Self {
            program_type: SOCKET_FILTER,
            program: "tunrss_steer",
            map_type: ARRAY,
            map: ".data",
            key_size: 4,
            value_size: 4096,
            entries: 1,
            index: link.split(':').next().unwrap().trim().parse().unwrap(),
        }
    }

    fn load(&self, net: &Net, uid: u32) -> Loaded {
        let Self { program_type, program, map_type, map, key_size, value_size, entries, index } =
            self;
        let line = format!(
            "forge {uid} {program_type} {program} {map_type} {map} {key_size} {value_size} \
             {entries} {index} evil"
        );
        let mut command = net.command(&*HOSTILE);
        command.args(line.split(' ')).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let stdin = process.stdin.take();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut loaded = Loaded { process, stdin, output };
        assert_eq!(loaded.line(), "loaded", "{self:?}");
        loaded
    }
}

/// A forged program; it ends with this.
struct Loaded {
    process: Child,
    stdin: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Loaded {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Nobody has written to its map.
    fn end_as_it_was(mut self) {
        drop(self.stdin.take());
        assert_eq!(self.line(), "as it was");
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program `tests/c/hostile.c`.
static HOSTILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/hostile.c");
    let built =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hostile-{}", std::process::id()));
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]);
    succeed(cc.arg(&built).arg(source));
    built
});

/// Who loads it: nobody, and root without its rights.
const UIDS: [u32; 2] = [65_534, 0];

// linux/bpf.h
const SOCKET_FILTER: u32 = 1;
const SCHED_CLS: u32 = 3;
const HASH: u32 = 1;
const ARRAY: u32 = 2;
const PERCPU_HASH: u32 = 5;
const PERCPU_ARRAY: u32 = 6;
