#!/bin/sh
# Makes python/: what an image for Python functions has beside what is in rootfs/: Debian's Python with its libraries, and the
# runtime interface client from PyPI, exactly as requirements.txt has it.
set -eu
umask 022
mkdir -p debs/partial python
# What the system in rootfs/ lacks for it, as apt sees it.
apt-get install --quiet --yes --download-only --no-install-recommends -o "Dir::State::status=$PWD/rootfs/var/lib/dpkg/status" \
  -o "Dir::Cache::archives=$PWD/debs" -o APT::Sandbox::User=root -o Debug::NoLocking=true python3-minimal libpython3-stdlib
for package in debs/*.deb; do
  dpkg-deb --extract "$package" python
done
rm -rf python/usr/share/doc python/usr/share/man python/usr/share/lintian python/usr/share/bug
# Debian's smallest system has its folders below /usr, and links in their old places.
for folder in bin lib sbin; do
  if [ -d "python/$folder" ] && [ -L "rootfs/$folder" ]; then
    mkdir -p "python/usr/$folder"
    cp -a "python/$folder/." "python/usr/$folder/"
    rm -rf "python/${folder:?}"
  fi
done
version=$(basename "$(readlink python/usr/bin/python3)")
version=${version#python}
python3 -m venv pip
pip/bin/pip install --quiet --disable-pip-version-check --no-deps --no-compile --only-binary :all: --implementation cp \
  --python-version "$version" --platform "manylinux2014_$(uname -m)" --platform "manylinux_2_28_$(uname -m)" \
  --require-hashes --requirement requirements.txt --target python/var/runtime
rm -rf python/var/runtime/bin
sed "s/{version}/$version/g" python-bootstrap >python/var/runtime/bootstrap
chmod 755 python/var/runtime/bootstrap
