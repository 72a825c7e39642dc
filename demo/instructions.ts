/** What the reader needs to try the demo. */
export interface DemoAddresses {
  /** The PoP's content listener, without a slash at the end. */
  readonly content: string;
  /** The PoP's admin listener, likewise. */
  readonly admin: string;
  readonly origin: string;
  /** The text of the `.repo` file, and a folder that holds it alone. */
  readonly repoFile: string;
  readonly reposDirectory: string;
  readonly log: string;
}

/** Tells, in a terminal's width where commands allow, what runs and what to paste. */
export function instructions(addresses: DemoAddresses): string {
  const { content, admin, origin, repoFile, reposDirectory, log } = addresses;
  const file = `${content}/content/demo/tools/Packages/demo-hello-1.0-1.noarch.rpm`;
  const dnf = `dnf -y --noplugins --setopt=reposdir=${reposDirectory} --releasever=9`;
  return `
waystation is ready: a PoP at ${content} in front of an origin at ${origin}

The page for people:
  ${content}/

The repository, for /etc/yum.repos.d/demo.repo (also at ${content}/repo-files/demo.repo):
${indented(repoFile)}
Fetch a package; cache-status says miss the first time, then hit:
  curl -s -D - -o /dev/null ${file}

Ask dnf, and install into a throwaway root (as root), all signatures checked:
  ${dnf} repoquery
  ${dnf} --installroot=/tmp/waystation-demo-root install demo-hello-extras

Health, metrics, status:
  curl -s ${admin}/healthz/ready ; curl -s ${admin}/metrics ; curl -s ${admin}/api/v1/status

The log is ${log}. Stop with Ctrl-C; everything but the throwaway root is removed then.
`;
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}
