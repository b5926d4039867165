# The agent: audits a building's network from where its container is plugged in. The reference building is not in it.
#
#   docker build -t r2s-audit .
#   docker run --rm --network host --cap-drop ALL --cap-add NET_RAW --cap-add NET_ADMIN \
#       -v "$PWD:/audit" r2s-audit plan site.yaml
#
# The process runs as the user r2s without any capability. r2s-wire-python, a copy of the interpreter that only r2s
# may execute, carries the two that raw frames need: start the container with both in its bounding set, and without
# no-new-privileges (which would forbid a file to give capabilities). Without them, whatever needs no raw frame still
# works, and the rest is reported as not verified. Secrets are read at run time, from the environment or from mounted
# files; none is in the image.
FROM debian:bookworm-slim

LABEL org.opencontainers.image.title="r2s-audit" \
      org.opencontainers.image.description="Audit réseau d'un bâtiment pour le label R2S Résidentiel" \
      org.opencontainers.image.licenses="GPL-2.0-or-later"

COPY packaging/debian-agent.txt /tmp/debian-agent.txt
RUN apt-get update \
 && sed -e 's/#.*//' /tmp/debian-agent.txt | DEBIAN_FRONTEND=noninteractive xargs apt-get install --yes --no-install-recommends \
 && rm -rf /var/lib/apt/lists/* /tmp/debian-agent.txt \
 && groupadd --gid 10001 r2s \
 && useradd --uid 10001 --gid r2s --no-create-home --home-dir /audit --shell /usr/sbin/nologin r2s \
 && install -d -o r2s -g r2s -m 0750 /audit

COPY requirements/agent.txt /tmp/agent.txt
RUN python3 -m venv /opt/r2s-audit \
 && /opt/r2s-audit/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --only-binary :all: \
        --require-hashes --requirement /tmp/agent.txt \
 && rm /tmp/agent.txt \
 && install -o root -g r2s -m 0750 /usr/bin/python3.11 /opt/r2s-audit/bin/r2s-wire-python \
 && setcap cap_net_raw,cap_net_admin+ep /opt/r2s-audit/bin/r2s-wire-python \
 && printf '#!/opt/r2s-audit/bin/python -I\nfrom r2s_audit.cli.entry import main\n\nmain()\n' >/opt/r2s-audit/bin/r2s-audit \
 && chmod 0755 /opt/r2s-audit/bin/r2s-audit

COPY r2s_audit /opt/r2s-audit/lib/python3.11/site-packages/r2s_audit
COPY probes /opt/r2s-audit/lib/python3.11/site-packages/probes
COPY profiles /opt/r2s-audit/lib/python3.11/site-packages/profiles
COPY reports /opt/r2s-audit/lib/python3.11/site-packages/reports
COPY LICENSE /usr/share/doc/r2s-audit/copyright
RUN /opt/r2s-audit/bin/python -m compileall -q /opt/r2s-audit/lib/python3.11/site-packages/r2s_audit \
        /opt/r2s-audit/lib/python3.11/site-packages/probes

USER r2s
WORKDIR /audit
ENTRYPOINT ["/opt/r2s-audit/bin/r2s-audit"]
CMD ["--help"]
