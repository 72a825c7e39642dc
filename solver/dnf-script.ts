/**
 * What a Python with dnf 4 is given to run; `question.ts` says what goes in and out. dnf resolves as on a host: module
 * streams (default ones, those named, and those that installed packages belong to), obsoletes, weak dependencies.
 *
 * Nothing is installed on the host that is asked for: everything that it needs comes from the repositories, or from
 * what it has and no repository lists, which stands in as packages that provide their own name and require nothing.
 */
export const dnfScript = String.raw`
import hashlib, itertools, json, os, re, sys
from xml.sax.saxutils import escape, quoteattr
import dnf, dnf.conf, dnf.exceptions, dnf.rpm, hawkey
import dnf.module.module_base
question = json.load(sys.stdin)
directory = question["directory"]
work = os.path.join(directory, "work")
host = "_host_"
for name in ("cache", "persist", "log", "root", "host/repodata"):
    os.makedirs(os.path.join(work, name))
unknown, problems, notes = [], [], []
platform = question["platform"]

def base_of(repositories):
    # A configuration of its own: what dnf makes by default looks into the machine's package database.
    conf = dnf.conf.Conf()
    conf.cachedir, conf.persistdir, conf.logdir, conf.installroot = (
        os.path.join(work, name) for name in ("cache", "persist", "log", "root"))
    conf.reposdir, conf.plugins, conf.gpgcheck, conf.deltarpm, conf.zchunk = [], False, False, False, False
    conf.best, conf.obsoletes, conf.install_weak_deps = True, True, question["weak"]
    conf.substitutions["arch"] = question["arch"]
    conf.substitutions["basearch"] = dnf.rpm.basearch(question["arch"])
    conf.substitutions["releasever"] = "0"
    if platform:
        conf.module_platform_id = platform
    base = dnf.Base(conf)
    for name, path in repositories.items():
        base.repos.add_new_repo(name, conf, baseurl=["file://" + path], skip_if_unavailable=False)
    base.fill_sack(load_system_repo=False)
    base.read_comps(arch_filter=True)
    return base

def platform_of(base):
    """The platform that most streams are for: an empty root has no os-release to tell it."""
    counts = {}
    for module in base._moduleContainer.getModulePackages() if base._moduleContainer is not None else []:
        for dependency in module.getModuleDependencies():
            for required in dependency.getRequires():
                for stream in dict(required.items()).get("platform", ()):
                    counts[stream] = counts.get(stream, 0) + 1
    return "platform:" + max(counts, key=counts.get) if counts else None

def every(base):
    return base.sack.query(flags=hawkey.IGNORE_MODULAR_EXCLUDES).available().filter(reponame__neq=host)

def text_of(package):
    epoch = "" if package.epoch in (0, "0") else "%s:" % package.epoch
    return "%s-%s%s-%s.%s" % (package.name, epoch, package.version, package.release, package.arch)

class Installed:
    """One line of a host's list; its epoch, where the list has none, is that of the same package in a repository."""
    def __init__(self, item):
        self.name, self.version, self.release, self.arch = (item[key] for key in ("name", "version", "release", "arch"))
        self.epoch = item["epoch"]
        self.copies = []

def stand_ins(installed):
    packages = "".join(
        '<package type="rpm"><name>%s</name><arch>%s</arch><version epoch=%s ver=%s rel=%s/>'
        '<checksum type="sha256" pkgid="YES">%s</checksum><summary/><description/><packager/><url/>'
        '<time file="0" build="0"/><size package="0" installed="0" archive="0"/><location href="none.rpm"/>'
        '<format><rpm:provides><rpm:entry name=%s flags="EQ" epoch=%s ver=%s rel=%s/></rpm:provides></format></package>'
        % (escape(one.name), escape(one.arch), quoteattr(one.epoch), quoteattr(one.version), quoteattr(one.release),
           hashlib.sha256(text_of(one).encode()).hexdigest(),
           quoteattr(one.name), quoteattr(one.epoch), quoteattr(one.version), quoteattr(one.release))
        for one in installed)
    primary = ('<?xml version="1.0" encoding="UTF-8"?><metadata xmlns="http://linux.duke.edu/metadata/common" '
               'xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="%d">%s</metadata>' % (len(installed), packages))
    path = os.path.join(work, "host")
    with open(os.path.join(path, "repodata/primary.xml"), "w", encoding="utf-8") as file:
        file.write(primary)
    digest = hashlib.sha256(primary.encode()).hexdigest()
    with open(os.path.join(path, "repodata/repomd.xml"), "w") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?><repomd xmlns="http://linux.duke.edu/metadata/repo">'
                   '<revision>1</revision><data type="primary"><checksum type="sha256">%s</checksum>'
                   '<location href="repodata/primary.xml"/><size>%d</size></data></repomd>'
                   % (digest, len(primary.encode())))
    return path

def set_streams(base, installed):
    """Streams as on the host: those that are named, and those that installed packages belong to."""
    container = base._moduleContainer
    if container is None:
        return
    wanted = list(question["modules"])
    names = {text_of(copy) for one in installed for copy in one.copies}
    if names:
        for module in container.getModulePackages():
            artifacts = {re.sub(r"-0:", "-", artifact) for artifact in module.getArtifacts()}
            stream = "%s:%s" % (module.getName(), module.getStream())
            if artifacts & names and stream not in wanted:
                wanted.append(stream)
    if not wanted:
        return
    try:
        dnf.module.module_base.ModuleBase(base).enable(wanted)
    except dnf.exceptions.MarkingErrors as error:
        problems.extend(line for line in str(error).splitlines() if line)

def upgrades_of(base, installed):
    """What dnf upgrade would choose: the newest of each installed package, or what obsoletes it."""
    newest = {}
    for package in base.sack.query().available().filter(reponame__neq=host).latest():
        newest.setdefault((package.name, package.arch), package)
    groups = {}
    for one in installed:
        key = (one.name, one.arch)
        if key not in groups or base.sack.evr_cmp(evr_of(one), evr_of(groups[key])) > 0:
            groups[key] = one
    chosen = {}
    for (name, arch), one in groups.items():
        other = question["basearch"] if arch == "noarch" else "noarch"
        found = newest.get((name, arch)) or newest.get((name, other))
        if found is not None and base.sack.evr_cmp(found.evr, evr_of(one)) > 0:
            chosen[text_of(found)] = found
    known = [copy for one in installed for copy in one.copies]
    present = base.sack.query().available().filter(pkg=known + list(base.sack.query().filter(reponame=host)))
    for package in base.sack.query().available().filter(reponame__neq=host, obsoletes=present).latest():
        if (package.name, package.arch) not in groups:
            chosen[text_of(package)] = package
    if chosen:
        replacing = base.sack.query().filter(pkg=list(chosen.values()))
        for package in list(chosen.values()):
            rivals = replacing.filter(obsoletes=[package], name__neq=package.name)
            if rivals:
                del chosen[text_of(package)]
    return list(chosen.values())

def evr_of(one):
    return "%s:%s-%s" % (one.epoch, one.version, one.release)

def resolve(base, upgrades, strict):
    try:
        if question["packages"]:
            base.install_specs(question["packages"], strict=strict)
    except dnf.exceptions.MarkingErrors as error:
        if strict:
            unknown.extend(itertools.chain(
                error.no_match_pkg_specs, error.no_match_group_specs, error.error_pkg_specs, error.error_group_specs))
    for package in upgrades:
        base.package_install(package, strict=strict)
    try:
        base.resolve(allow_erasing=False)
        return True
    except dnf.exceptions.DepsolveError as error:
        if strict:
            problems.extend(line.strip() for line in str(error).splitlines() if line.strip())
        return False

repositories = {name: os.path.join(directory, name) for name in question["repositories"]}
installed = [Installed(item) for item in question["installed"]]
base = base_of(repositories)
if platform is None:
    platform = platform_of(base)
    if platform is not None:
        base.close()
        base = base_of(repositories)
question["basearch"] = base.conf.substitutions["basearch"]
foreign = []
if installed:
    listed, epochs = {}, {}
    for package in every(base):
        listed.setdefault((package.name, package.version, package.release, package.arch), []).append(package)
        epochs[package.name] = max(int(package.epoch), epochs.get(package.name, 0))
    for one in installed:
        copies = listed.get((one.name, one.version, one.release, one.arch), [])
        if one.epoch is None and copies:
            one.epoch = str(copies[0].epoch)
        one.epoch = one.epoch if one.epoch is not None else str(epochs.get(one.name, 0))
        if not any(str(copy.epoch) == one.epoch for copy in copies):
            foreign.append(one)
    del listed
    if foreign:
        base.close()
        base = base_of({**repositories, host: stand_ins(foreign)})
    wanted = {(one.name, one.version, one.release, one.arch): one for one in installed}
    for package in every(base):
        one = wanted.get((package.name, package.version, package.release, package.arch))
        if one is not None and str(package.epoch) == one.epoch:
            one.copies.append(package)
def unresolved_of(base):
    """Requirements of some packages that no package provides, of whatever stream."""
    wanted, answers, found = set(question["closure"]), {}, []
    if not wanted:
        return found
    available = base.sack.query(flags=hawkey.IGNORE_MODULAR_EXCLUDES).available()
    for package in available:
        if text_of(package) not in wanted:
            continue
        for requirement in package.requires:
            name = str(requirement)
            if name.startswith(("solvable:", "rpmlib(")):
                continue
            if name not in answers:
                answers[name] = bool(available.filter(provides=requirement))
            if not answers[name]:
                found.append({"nevra": text_of(package), "requirement": name})
    return found

unresolved = unresolved_of(base)
set_streams(base, installed)
upgrades = upgrades_of(base, installed) if installed else []
if not resolve(base, upgrades, True) and (question["packages"] or upgrades):
    base.reset(goal=True)
    resolve(base, upgrades, False)
needs = {}
def need(package):
    if package.reponame == host:
        return
    needs.setdefault(text_of(package), {
        "repository": package.reponame, "href": package.location, "nevra": text_of(package)})
for package in (base.transaction.install_set if base.transaction else []):
    need(package)
for one in installed:
    for copy in one.copies[:1]:
        need(copy)
json.dump({
    "solver": "dnf " + dnf.VERSION, "needs": list(needs.values()), "unresolved": unresolved, "unknown": unknown, "problems": problems,
    "foreign": [text_of(one) for one in foreign], "notes": notes}, sys.stdout)
`;
