variable "manager" {
  description = "The manager, HOST or HOST:PORT. Not with an enrollment token, which names it."
  type        = string
  default     = null
}

variable "name" {
  description = "The name of the agent, with the placeholders of docs/names.md."
  type        = string
  default     = "{hostname}-{instance-id}"
}

variable "groups" {
  description = "The agent's groups."
  type        = list(string)
  default     = []
}

variable "settings" {
  description = "Further variables of docs/options.md, such as AGENT_ENROLL_PIN. No secret: all of the instance can read them."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^[A-Z_]+$", name))])
    error_message = "A setting is named as an environment variable is."
  }
}

variable "url" {
  description = "The directory of one release, which holds agent-enroll-linux-x64 and agent-enroll-linux-arm64."
  type        = string
}

variable "sha256" {
  description = "The sums of the two binaries, from SHA256SUMS of that release."
  type        = object({ x64 = string, arm64 = string })

  validation {
    condition     = alltrue([for sum in values(var.sha256) : can(regex("^[0-9a-f]{64}$", sum))])
    error_message = "A sum is 64 hexadecimal digits in lower case."
  }
}

variable "public_key" {
  description = "The minisign key (RW...) that signed SHA256SUMS, for images that have minisign; empty: the sums are enough."
  type        = string
  default     = ""
}

variable "password_command" {
  description = "A command on the instance that prints the enrollment password, from a secret manager."
  type        = string
  default     = ""
}

variable "token_command" {
  description = "The same for the enrollment token of a Wazuh 5."
  type        = string
  default     = ""
}

variable "password" {
  description = "The enrollment password itself. It then stands in the state and in the user data: prefer password_command."
  type        = string
  default     = ""
  sensitive   = true
}

variable "token" {
  description = "The enrollment token itself. It then stands in the state and in the user data: prefer token_command."
  type        = string
  default     = ""
  sensitive   = true
}
