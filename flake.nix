{
  description = "Postroom: a self-hosted mail sorter for any IMAP account";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" ];
      each = build: nixpkgs.lib.genAttrs systems (system: build nixpkgs.legacyPackages.${system});
      manifest = (builtins.fromTOML (builtins.readFile ./Cargo.toml)).package;
    in
    {
      packages = each (pkgs: {
        default = pkgs.rustPlatform.buildRustPackage {
          pname = manifest.name;
          version = manifest.version;
          src = self;
          cargoLock.lockFile = ./Cargo.lock;
          # The tests start mail servers; `./tests/run` runs them.
          doCheck = false;
          nativeBuildInputs = [ pkgs.installShellFiles ];
          postInstall = ''
            $out/bin/postroom man --dir $out/share/man
            for shell in bash zsh fish; do
              $out/bin/postroom completions $shell > postroom.$shell
            done
            installShellCompletion postroom.{bash,zsh,fish}
            install -Dm644 systemd/postroom.service -t $out/lib/systemd/system
            install -Dm644 systemd/postroom-user.service $out/lib/systemd/user/postroom.service
            sed -i "s|^ExecStart=[^ ]*|ExecStart=$out/bin/postroom|" $out/lib/systemd/*/postroom.service
            install -Dm644 rules/*.toml -t $out/share/postroom/rules
          '';
          meta = {
            description = manifest.description;
            license = with pkgs.lib.licenses; [ mit asl20 ];
            mainProgram = "postroom";
          };
        };
      });
    };
}
