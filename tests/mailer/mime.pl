#!/usr/bin/perl
# SPDX-License-Identifier: LGPL-2.1-or-later
# A second opinion: MIME::Parser reads a message from standard input and says what it finds, a fact a line.
use strict;
use warnings;
use MIME::Parser;
use Encode qw(decode);

my $parser = MIME::Parser->new;
$parser->output_to_core(1);
$parser->ignore_errors(0);
$parser->extract_nested_messages(0);
binmode STDIN;
binmode STDOUT, ':utf8';
my $entity = $parser->parse(\*STDIN);
my @complaints = grep { /^(error|warning)/ } $parser->results->msgs;
print "complaint $_\n" for @complaints;
print 'type ', $entity->effective_type, "\n";
my $subject = $entity->head->get('Subject');
chomp $subject;
print 'subject ', decode('MIME-Header', $subject), "\n";
for my $part ($entity->parts) {
	my $text = decode('UTF-8', $part->bodyhandle->as_string, Encode::FB_CROAK);
	print 'part ', $part->effective_type, ' ', length $text, "\n";
}
