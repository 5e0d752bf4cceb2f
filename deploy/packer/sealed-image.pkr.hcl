# A sealed image: the program, its service and the settings are in it, and no key, note, password or token. What is started
# from it enrolls as itself at its first boot. See docs/deploy/packer.md.

packer {
  required_version = ">= 1.6.6"
}

variable "release" {
  type        = string
  description = "The directory of a release, as the machine reaches it: http(s)://..., or a path in it."
}

variable "public_key" {
  type        = string
  default     = ""
  description = "The minisign key (RW...) that signed SHA256SUMS."
}

variable "sha256" {
  type        = string
  default     = ""
  description = "The sum of the binary; needed where the machine has no minisign."
}

variable "settings" {
  type        = map(string)
  default     = {}
  description = "WAZUH_MANAGER and further variables of docs/options.md. No secret: what is in an image is known to all who have it."
}

variable "host" {
  type        = string
  default     = ""
  description = "The machine that becomes the image, as SSH reaches it."
}

variable "port" {
  type    = number
  default = 22
}

variable "user" {
  type        = string
  default     = "root"
  description = "Root, or one who may use sudo without a password."
}

variable "private_key" {
  type        = string
  default     = ""
  description = "The file of that user's SSH key."
}

# A machine that runs already, of which you take the image afterwards. A source of a cloud starts one, and takes it itself.
source "null" "machine" {
  ssh_host             = var.host
  ssh_port             = var.port
  ssh_username         = var.user
  ssh_private_key_file = var.private_key
  ssh_timeout          = "5m"
}

locals {
  files  = "/tmp/agent-enroll-image"
  deploy = "${path.root}/.."
}

build {
  sources = ["source.null.machine"]

  # The agent is installed before this, by a provisioner of yours or in the image that is started from.

  provisioner "shell" {
    inline = ["rm -rf ${local.files}", "mkdir -m 0700 ${local.files}"]
  }

  provisioner "file" {
    destination = "${local.files}/"
    sources = [
      "${local.deploy}/install.sh",
      "${local.deploy}/systemd/agent-enroll.service",
      "${local.deploy}/cloud-init/clean.d/50-agent-enroll",
    ]
  }

  # Last of all, for it seals the machine.
  provisioner "shell" {
    script          = "${path.root}/provision.sh"
    execute_command = "chmod +x '{{ .Path }}'; {{ .Vars }} ${var.user == "root" ? "" : "sudo -E "}'{{ .Path }}'"
    environment_vars = [
      "FILES=${local.files}",
      "RELEASE=${var.release}",
      "PUBLIC_KEY=${var.public_key}",
      "SHA256=${var.sha256}",
      "SETTINGS=${join("\n", [for name, value in var.settings : "${name}=${value}"])}",
    ]
  }
}
