/** The same for a Python with libsolv's own bindings, which know dependencies and nothing of module streams. */
export const libsolvScript = String.raw`
import json, os, sys
import solv
question = json.load(sys.stdin)
directory = question["directory"]
unknown, problems, notes = [], [], []
pool = solv.Pool()
# Debian's build follows Debian's rules unless told otherwise.
pool.setdisttype(solv.Pool.DISTTYPE_RPM)
pool.setarch(question["arch"])
repositories = {}
for name, records in question["records"].items():
    repository = pool.add_repo(name)
    repositories[name] = repository
    file = solv.xfopen(os.path.join(directory, name, records["primary"])) if "primary" in records else None
    if "primary" in records and (file is None or not repository.add_rpmmd(file, None)):
        sys.exit("%s: primary cannot be read: %s" % (name, pool.errstr))

def text_of(name, evr, arch):
    return "%s-%s.%s" % (name, evr[2:] if evr.startswith("0:") else evr, arch)

def text(solvable):
    return text_of(solvable.name, solvable.evr, solvable.arch)

copies = {}
host = None
foreign = []
if question["installed"]:
    listed, epochs = {}, {}
    for solvable in pool.solvables_iter():
        epoch, _, rest = solvable.evr.rpartition(":")
        listed.setdefault((solvable.name, rest, solvable.arch), []).append((epoch or "0", solvable))
        epochs[solvable.name] = max(int(epoch or 0), epochs.get(solvable.name, 0))
    host = pool.add_repo("host")
    for one in question["installed"]:
        rest = "%s-%s" % (one["version"], one["release"])
        found = listed.get((one["name"], rest, one["arch"]), [])
        epoch = one["epoch"]
        if epoch is None:
            epoch = found[0][0] if found else str(epochs.get(one["name"], 0))
        same = [solvable for known, solvable in found if known == epoch]
        evr = rest if epoch == "0" else "%s:%s" % (epoch, rest)
        copy = host.add_solvable()
        copy.name, copy.evr, copy.arch = one["name"], evr, one["arch"]
        copy.add_deparray(solv.SOLVABLE_PROVIDES, pool.rel2id(copy.nameid, copy.evrid, solv.REL_EQ))
        if same:
            copies[text(copy)] = same[0]
            for kind in (solv.SOLVABLE_PROVIDES, solv.SOLVABLE_REQUIRES, solv.SOLVABLE_CONFLICTS, solv.SOLVABLE_OBSOLETES):
                for dependency in same[0].lookup_deparray(kind):
                    copy.add_deparray(kind, dependency)
        else:
            foreign.append(text(copy))
    pool.installed = host
pool.addfileprovides()
pool.createwhatprovides()

flags = (solv.Selection.SELECTION_NAME | solv.Selection.SELECTION_PROVIDES | solv.Selection.SELECTION_GLOB |
         solv.Selection.SELECTION_CANON | solv.Selection.SELECTION_DOTARCH | solv.Selection.SELECTION_REL |
         solv.Selection.SELECTION_FILELIST)

def jobs_of():
    groups = []
    del unknown[:]
    for spec in question["packages"]:
        selection = pool.select(spec, flags)
        if selection.isempty():
            unknown.append(spec)
        else:
            groups.append(selection.jobs(solv.Job.SOLVER_INSTALL))
    if host is not None:
        groups.append([pool.Job(solv.Job.SOLVER_UPDATE | solv.Job.SOLVER_SOLVABLE_ALL, 0)])
    return groups

def solve(jobs):
    solver = pool.Solver()
    solver.set_flag(solv.Solver.SOLVER_FLAG_IGNORE_RECOMMENDED, 0 if question["weak"] else 1)
    found = solver.solve(jobs)
    return (None if found else solver.transaction().newsolvables()), [str(problem) for problem in found]

groups = jobs_of()
chosen, found = solve([job for group in groups for job in group])
if found or unknown or question["closure"] or any(spec.startswith("/") for spec in question["packages"]):
    # Files that primary does not name may be what is missing.
    for name, records in question["records"].items():
        file = solv.xfopen(os.path.join(directory, name, records["filelists"])) if "filelists" in records else None
        if file is not None:
            repositories[name].add_rpmmd(file, "FL", solv.Repo.REPO_LOCALPOOL | solv.Repo.REPO_EXTEND_SOLVABLES)
    pool.addfileprovides()
    pool.createwhatprovides()
    groups = jobs_of()
    chosen, found = solve([job for group in groups for job in group])
if found:
    problems.extend(found)
    chosen = [solvable for group in groups for solvable in (solve(group)[0] or [])]
needs = {}
def need(solvable):
    needs.setdefault(text(solvable), {
        "repository": solvable.repo.name, "href": solvable.lookup_location()[0], "nevra": text(solvable)})
for solvable in chosen:
    need(solvable)
for solvable in copies.values():
    need(solvable)
def unresolved_of():
    """Requirements of some packages that no package provides."""
    wanted, found = set(question["closure"]), []
    for solvable in pool.solvables_iter() if wanted else ():
        if solvable.repo == host or text(solvable) not in wanted:
            continue
        for requirement in solvable.lookup_deparray(solv.SOLVABLE_REQUIRES):
            name = str(requirement)
            if not name.startswith(("solvable:", "rpmlib(")) and not pool.whatprovides(requirement):
                found.append({"nevra": text(solvable), "requirement": name})
    return found

streams = [name for name, records in question["records"].items() if "modules" in records]
if streams or question["modules"]:
    notes.append("libsolv knows no module streams: where a package is in several, dnf may choose another version (%s)"
                 % ", ".join(streams))
json.dump({
    "solver": "libsolv", "needs": list(needs.values()), "unresolved": unresolved_of(), "unknown": unknown, "problems": problems,
    "foreign": foreign, "notes": notes}, sys.stdout)
`;
